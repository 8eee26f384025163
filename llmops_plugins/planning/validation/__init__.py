"""Says what is wrong with a plan, in sentences that a model can mend it by."""
