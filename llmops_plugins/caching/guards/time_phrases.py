"""Words for when: each with the moment, part or rhythm it names."""

from __future__ import annotations

__all__ = ["EXCHANGED", "REQUIRED"]

# One meaning a line under its group; words and phrases (joined by _) with the same meaning share a line.
_REQUIRED = """
day: yesterday
day: tomorrow
night: tonight this_evening
last-week: last_week past_week previous_week
next-week: next_week coming_week following_week
this-week: this_week
last-month: last_month past_month previous_month
next-month: next_month coming_month following_month
this-month: this_month
last-year: last_year past_year previous_year
next-year: next_year coming_year following_year
weekend: weekend weekends
weekday: weekday weekdays
spring: in_spring in_the_spring springtime
summer: summer summertime
autumn: autumn in_the_fall in_fall
winter: winter wintertime
"""

_EXCHANGED = """
today day: today
today day: tonight
today day: tomorrow
today day: yesterday
period: this_year
period: last_year previous_year past_year
period: next_year coming_year
past or future: in_the_past previously formerly
past or future: in_the_future in_future
past or future: now currently at_present presently at_the_moment right_now these_days nowadays at_this_time
part: morning mornings
part: afternoon afternoons
part: evening evenings
part: night nights overnight
rhythm: per_second every_second each_second
rhythm: per_minute every_minute each_minute by_the_minute
rhythm: hourly every_hour per_hour an_hour each_hour by_the_hour
rhythm: nightly every_night per_night a_night each_night by_the_night
rhythm: daily every_day per_day a_day each_day everyday by_the_day
rhythm: weekly every_week per_week a_week each_week by_the_week
rhythm: biweekly fortnightly every_two_weeks
rhythm: monthly every_month per_month a_month each_month by_the_month
rhythm: quarterly every_quarter per_quarter a_quarter each_quarter by_the_quarter
rhythm: termly every_term per_term each_term by_the_term
rhythm: every_semester per_semester each_semester by_the_semester
rhythm: annually yearly annual every_year per_year a_year each_year per_annum by_the_year
order: before prior_to
order: after
order: during while
limit: since
limit: until till
how often: always
how often: sometimes occasionally
how often: never
how often: often frequently regularly
how often: rarely seldom
early or late: early earlier
early or late: late later
old: past
old: future
era: ancient
era: medieval
era: modern contemporary
era: bc bce
"""


def _read(table: str) -> dict[str, tuple[tuple[str, int], ...]]:
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for meaning, line in enumerate(table.strip().splitlines()):
        group, words = line.split(":")
        for word in words.split():
            phrase = word.replace("_", " ")
            found[phrase] = (*found.get(phrase, ()), (group, meaning))
    return found


REQUIRED = _read(_REQUIRED)
"""Word or phrase to group and meaning, where both questions must have the meaning."""

EXCHANGED = _read(_EXCHANGED)
"""Word or phrase to group and meaning, where the other question must only not have another of the group."""
