"""Recorded answers of several models to the same prompts: what calibration and back-tests run on."""
