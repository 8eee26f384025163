"""Cheap models first, the strongest last, and evidence in between."""
