"""Adapters to systems of other makers, one module each, each behind an extra of its name."""
