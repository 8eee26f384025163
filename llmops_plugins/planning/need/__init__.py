"""Whether a request needs a plan at all."""
