"""A semantic cache: answers given before, found again for questions that ask the same."""
