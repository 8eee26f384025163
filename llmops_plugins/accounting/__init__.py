"""What each answer really cost: the ledger, its report, and the calls nobody wrote."""
