"""Reads plans out of what models write, whatever they write them as."""
