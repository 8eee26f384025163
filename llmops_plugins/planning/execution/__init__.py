"""Does the tasks of a plan: in order, at once where that can be, and not again after a crash."""
