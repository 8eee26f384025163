"""Months and days of the week, as words."""

from __future__ import annotations

__all__ = ["MONTHS", "WEEKDAYS"]

_MONTHS = (
    "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sep sept|"
    "october oct|november nov|december dec"
)
_WEEKDAYS = (
    "monday mondays mon|tuesday tuesdays tue tues|wednesday wednesdays wed|thursday thursdays thu thur thurs|"
    "friday fridays fri|saturday saturdays sat|sunday sundays sun"
)


def _numbered(table: str) -> dict[str, int]:
    return {word: number for number, group in enumerate(table.split("|"), start=1) for word in group.split()}


MONTHS = _numbered(_MONTHS)
"""Case-folded name or abbreviation to month, 1 to 12. May and March are also other words."""

WEEKDAYS = _numbered(_WEEKDAYS)
"""Case-folded name or abbreviation to day of the week, 1 (Monday) to 7."""
