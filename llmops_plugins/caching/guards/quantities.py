"""The quantities in a question: amounts with their units, ordinals, dates, times of day, ids and codes."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from llmops_plugins.caching.guards.calendar_words import MONTHS
from llmops_plugins.caching.guards.number_tokens import Token, tokens_in
from llmops_plugins.caching.guards.number_words import (
    MAGNITUDES,
    MULTIPLES,
    NUMBER_WORDS,
    ORDINALS,
    read_number,
    roman_value,
)
from llmops_plugins.caching.guards.quantity import (
    NUMBERED,
    VERSIONED,
    Quantity,
    Strength,
    measure_of,
    of_bare_unit,
    of_ordinal,
    of_token,
)
from llmops_plugins.caching.guards.reading import Reading, vocabulary
from llmops_plugins.caching.guards.unit_phrases import with_units_joined
from llmops_plugins.caching.guards.unit_words import BARE_UNITS, CURRENCY_SIGNS, GLUED_UNITS, UNITS, Unit

__all__ = ["quantities_in"]

BEFORE_A_PAIR = vocabulary("the these those both any either other")
FEW = 31
STARTING = vocabulary("in at on of the for from to by and or with")
COMPOUNDS = vocabulary("factor way sided fold")
MEASURES = vocabulary("g m l h")  # short units that are no word of their own
SHORT_ALONE = vocabulary("g m l w v")
BEFORE_A_SHORT_UNIT = vocabulary("in into to per many")
BUSINESS = frozenset({"business", "working"})


def quantities_in(reading: Reading) -> tuple[Quantity, ...]:
    """Return the quantities of a question, in order."""
    return tuple(_Reader(tokens_in(reading.plain)).read())


class _Reader:
    """Goes through the tokens of one question once."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = list(with_units_joined(tokens))
        self.values = [token.value if token.kind == "word" else "" for token in self.tokens]
        self.at = 0

    def read(self) -> Iterator[Quantity]:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "number":
                yield self._number(token)
            elif token.kind == "word":
                yield from self._word(token)
            elif token.kind == "clock":
                yield self._time_of_day(token)
            else:
                self.at += 1
                yield from of_token(token)

    def _number(self, token: Token) -> Quantity:
        before, start = self._word_at(self.at - 1), self.at
        self.at += 1
        value = Fraction(token.value)
        following = self._at(self.at)
        if "/" not in token.value and following and following.kind == "number" and "/" in following.value:
            value, self.at = value + Fraction(following.value), self.at + 1
        is_version = "." in token.value and (before in VERSIONED or self._is_name(start - 1))
        if is_version and self._word_at(self.at) not in UNITS:
            codes = (f"{before}{value}",) if before and value.denominator == 1 else ()
            return Quantity(token.value, None, token.text, number=token.value, aliases=codes)
        return self._amount(value, token.text, start)

    def _amount(self, value: Fraction, said: str, start: int) -> Quantity:
        """Return the amount with its unit, which stands behind it or, for money, before it."""
        before = self._at(start - 1)
        money = before is not None and (
            before.kind == "sign" or before.value in {"usd", "eur", "gbp", "inr", "rs"}
        )
        value = self._scaled(value, bool(money))
        if self.values[self.at : self.at + 3] == ["and", "a", "half"]:
            value, self.at = value + Fraction(1, 2), self.at + 3
        clock = self._clock(value)
        if clock:
            return Quantity(clock, "clock", said, number=value)
        unit, unit_said = self._unit()
        if unit is None and before is not None and money:
            unit = CURRENCY_SIGNS.get(before.value) or UNITS.get(before.value)
        if unit:
            is_said = unit_said is None or said.casefold().endswith(unit_said)
            shown = said if is_said else f"{said} {unit_said}"
            number = None if unit.base == "percent" else value
            strength: Strength = "telling" if value <= FEW else "required"
            return Quantity(
                value * unit.factor,
                unit.base,
                shown,
                strength,
                number=number,
                measure=measure_of(unit),
                aliases=self._bounds(value, self._word_at(start - 1), start, unit),
            )
        return self._plain(value, said, start)

    def _plain(self, value: Fraction, said: str, start: int) -> Quantity:
        """Return a number without a unit: a small one or a year may be left out, an id may not."""
        before, follows = self._word_at(start - 1), self._word_at(self.at)
        telling = value.denominator == 1 and (0 <= value <= FEW or 1900 <= value < 2100)
        named = value > 2 and self._is_name(start - 1) and before not in STARTING
        bounds = self._bounds(value, before, start)
        codes = (f"{before}{value}", *bounds) if before and value.denominator == 1 else bounds
        versioned = before in VERSIONED or before in NUMBERED or (named and value < 1900)
        strength: Strength = "telling" if telling and not versioned else "required"
        return Quantity(value, None, said, strength, number=value, aliases=codes, follows=follows)

    def _bounds(self, value: Fraction, before: str, start: int, unit: Unit | None = None) -> tuple[str, ...]:
        """Return what "more than two" and "three or more" are both known as."""
        of = measure_of(unit) if unit and unit.dimension else ""
        two_before = self._word_at(start - 2)
        if (two_before, before) in {("more", "than"), ("", "over")}:
            return (f">{value} {of}",)
        after = self.values[self.at : self.at + 2]
        if after == ["or", "more"] or (two_before, before) == ("at", "least"):
            return (f">{value - 1} {of}",)
        return ()

    def _scaled(self, value: Fraction, is_money: bool) -> Fraction:
        """Return the value times a magnitude behind it: 5k, 5 million; $5m, though 5m is five metres."""
        token = self._at(self.at)
        if token is None or token.kind != "word":
            return value
        is_money = is_money or self._word_at(self.at + 1) in {"dollars", "euros", "usd", "rupees", "pounds"}
        if is_money and token.glued and token.value in {"m", "b"}:
            self.at += 1
            return value * (10**6 if token.value == "m" else 10**9)
        if token.value in MAGNITUDES and (token.glued or token.value not in {"k", "cr"}):
            self.at += 1
            return value * MAGNITUDES[token.value]
        return value

    def _clock(self, value: Fraction) -> str | None:
        """Return the time of day that a whole number followed by am, pm or o'clock is."""
        if value.denominator != 1 or not 0 <= value <= 12:
            return None
        if self._word_at(self.at) == "o'clock":
            self.at += 1
            return f"{value}:00"
        noon = self._half_of_day()
        return None if noon is None else f"{value % 12 + noon}:00"

    def _half_of_day(self) -> int | None:
        """Return 0 for am, 12 for pm and None for neither, and go past it."""
        word, step = self._word_at(self.at), 1
        if word in {"a", "p"} and self._word_at(self.at + 1) == "m":
            word, step = f"{word}m", 2
        if word in {"in", "at"} and (day := self._part_of_day(word)):
            word, step = day, 3 if word == "in" else 2
        if word not in {"am", "pm"}:
            return None
        self.at += step
        return 0 if word == "am" else 12

    def _part_of_day(self, before: str) -> str | None:
        """Return am or pm for "in the morning", "in the evening" or "at night"."""
        following = self.values[self.at + 1 : self.at + 3]
        if before == "at":
            return "pm" if following[:1] == ["night"] else None
        halves = {"morning": "am", "afternoon": "pm", "evening": "pm"}
        return halves.get(following[-1]) if following[:1] == ["the"] else None

    def _time_of_day(self, token: Token) -> Quantity:
        self.at += 1
        hour, minute = token.value.split(":")
        noon = self._half_of_day()
        return Quantity(
            token.value if noon is None else f"{int(hour) % 12 + noon}:{minute}",
            "clock",
            token.text,
            number=Fraction(int(hour)) if minute == "00" else None,
        )

    def _unit(self) -> tuple[Unit | None, str | None]:
        """Return the unit that stands at the present place and what it is called there, and go past it."""
        token = self._at(self.at)
        if token is None:
            return None, None
        if token.kind == "sign":
            return self._sign(token)
        if token.kind != "word":
            return None, None
        word, following = token.value, self._word_at(self.at + 1)
        if word in BUSINESS and following in {"day", "days"}:
            self.at += 2
            return UNITS["workdays"], f"{word} {following}"
        if (word, following) == ("per", "cent"):
            self.at += 2
            return UNITS["percent"], "percent"
        unit = UNITS.get(word) or (GLUED_UNITS.get(word) if token.glued or word in MEASURES else None)
        if unit:
            self.at += 1
            return unit, word
        return None, None

    def _sign(self, token: Token) -> tuple[Unit | None, str | None]:
        following = self._word_at(self.at + 1)
        if token.value == "°" and following in {"c", "f", "celsius", "fahrenheit"}:
            self.at += 2
            return UNITS["celsius" if following[0] == "c" else "fahrenheit"], None
        if token.value == "%":
            self.at += 1
            return UNITS["percent"], "%"
        after = self._at(self.at + 1)
        if token.value in CURRENCY_SIGNS and (after is None or after.kind != "number"):
            self.at += 1
            return CURRENCY_SIGNS[token.value], token.value
        return None, None

    def _word(self, token: Token) -> Iterator[Quantity]:
        word, before, following = token.value, self._word_at(self.at - 1), self._word_at(self.at + 1)
        start = self.at
        if word in NUMBER_WORDS or word in {"a", "an", "half"}:
            yield from self._number_word(word, before, following)
            return
        self.at += 1
        roman = roman_value(token.text, before)
        if word in ORDINALS:
            yield from of_ordinal(word, before, following)
        elif roman is not None:
            yield Quantity(
                Fraction(roman), None, token.text, number=Fraction(roman), aliases=(f"{before}{roman}",)
            )
        elif word in MULTIPLES:
            count = Fraction(MULTIPLES[word])
            yield Quantity(count, "times", word, "exchange", number=count)
        elif word in {"noon", "midday", "midnight"}:
            yield Quantity(
                "0:00" if word == "midnight" else "12:00", "clock", word, "telling", number=Fraction(12)
            )
        elif word in MONTHS and self._is_dated(start):
            yield Quantity(Fraction(MONTHS[word]), "month", token.text)
        elif word in BARE_UNITS and not self._is_day(start - 1):
            yield of_bare_unit(BARE_UNITS[word], word, (self._word_at(start - 2), before))
        elif word in SHORT_ALONE and before in BEFORE_A_SHORT_UNIT:
            yield of_bare_unit(GLUED_UNITS[word], word, (self._word_at(start - 2), before))
        elif token.text in {"WW", "WWI", "WWII"} and word != "ww":
            yield Quantity(Fraction(len(word) - 2), None, token.text, number=Fraction(len(word) - 2))

    def _number_word(self, word: str, before: str, following: str) -> Iterator[Quantity]:
        start, read = self.at, read_number(self.values, self.at)
        if read is None:
            yield from self._half_or_article(word, following)
            return
        value, self.at = read
        after = self._word_at(self.at)
        said = " ".join(self.values[start : self.at])
        if word == "one" and self.at == start + 1 and after not in UNITS and following != "and":
            return
        is_pair = word == "two" and self.at == start + 1 and before in BEFORE_A_PAIR and after not in UNITS
        if is_pair or after in COMPOUNDS:
            return
        yield self._amount(value, said, start)

    def _half_or_article(self, word: str, following: str) -> Iterator[Quantity]:
        self.at += 1
        if word == "half":
            self.at += following in {"a", "an"}
            yield self._amount(Fraction(1, 2), word, self.at)
        elif following in UNITS and following not in {"second", "us"}:
            unit = UNITS[following]
            yield Quantity(
                unit.factor, unit.base, f"{word} {following}", "optional", measure=measure_of(unit)
            )

    def _at(self, index: int) -> Token | None:
        return self.tokens[index] if 0 <= index < len(self.tokens) else None

    def _word_at(self, index: int) -> str:
        return self.values[index] if 0 <= index < len(self.values) else ""

    def _is_name(self, index: int) -> bool:
        token = self._at(index)
        return index > 0 and token is not None and token.kind == "word" and token.text[0].isupper()

    def _is_dated(self, index: int) -> bool:
        before = index - 2 if self._word_at(index - 1) == "of" else index - 1
        return self._is_day(before) or self._is_day(index + 1)

    def _is_day(self, index: int) -> bool:
        token = self._at(index)
        return token is not None and token.kind in {"number", "ordinal"}
