"""What a capability would have cost and answered, tried on recorded traffic before it goes live."""
