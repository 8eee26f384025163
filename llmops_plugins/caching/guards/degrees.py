"""Comparatives and superlatives: on which scale they stand, and at which end."""

from __future__ import annotations

from llmops_plugins.caching.guards.reading import vocabulary

__all__ = ["SCALES", "SUPERLATIVE_SCALES"]

# One scale a line, its two ends parted by a bar; phrases are joined by _.
_TABLE = """
price: cheap cheaper cheapest inexpensive least_expensive less_expensive lowest_price affordable low-cost \
| expensive pricey pricier priciest costly costlier costliest most_expensive more_expensive dearest dearer
amount: more greater most_of extra | less fewer lesser
bound: at_least minimum min no_less_than not_less_than no_fewer_than minimal | at_most maximum max \
no_more_than not_more_than up_to maximal
most: most | least fewest
extreme: highest upper higher | lowest lower
size: biggest bigger largest larger big large huge | smallest smaller small tiny tiniest
worth: best better | worst worse
speed: fastest faster quickest quicker | slowest slower
rank: first earliest | last latest final
age: older oldest elder eldest | younger youngest newer newest
date: newest newer latest | oldest older
length: longest longer | shortest shorter
height: tallest taller highest | shortest shorter lowest
weight: heaviest heavier | lightest lighter
strength: strongest stronger | weakest weaker
heat: hottest hotter warmer warmest | coldest colder cooler coolest
distance: nearest closest nearer closer | farthest furthest farther further
ease: easiest easier simplest simpler | hardest harder toughest tougher most_difficult more_difficult
fame: most_popular most_common most_famous more_popular more_common | least_popular least_common rarest \
rarer less_popular less_common
safety: safest safer | most_dangerous riskiest more_dangerous
wealth: richest richer | poorest poorer
depth: deepest deeper | shallowest shallower
width: widest wider | narrowest narrower
extent: over more_than above exceeding | under less_than below fewer_than
noise: loudest louder | quietest quieter
"""

SUPERLATIVE_SCALES = vocabulary("price speed size age weight distance height length safety")
"""Scales of which another is another question: the cheapest phone is not the fastest."""


def _read(table: str) -> dict[str, tuple[tuple[str, int], ...]]:
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for line in table.strip().splitlines():
        scale, ends = line.split(":")
        for end, words in enumerate(ends.split("|")):
            for word in words.split():
                phrase = word.replace("_", " ")
                found[phrase] = (*found.get(phrase, ()), (scale, end))
    return found


SCALES = _read(_TABLE)
"""Word or phrase to scale and end (0 or 1)."""
