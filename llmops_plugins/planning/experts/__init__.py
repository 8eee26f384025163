"""Who can do a task, how they are called, and which of them is chosen."""
