"""Judging an answer before anyone acts on it: one verifier a file, shared by every capability that must."""
