"""Running code that nobody has read: in worker processes, within limits, with what it is granted."""
