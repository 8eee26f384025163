"""What a plan is: its tasks, their references to each other, and its limits."""
