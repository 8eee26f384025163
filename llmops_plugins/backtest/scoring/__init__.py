"""How right a recorded answer is, from 0 to 1: one scorer a file."""
