"""What was solved before: kept on evidence, shared once confirmed, found again by those who ask alike."""
