"""Units of measure, time and money: what they are called, and what they come to in a base unit."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from llmops_plugins.caching.guards.reading import vocabulary

__all__ = ["BARE_UNITS", "COMPATIBLE", "CURRENCY_SIGNS", "GLUED_UNITS", "UNITS", "Unit"]


class Unit(NamedTuple):
    """A unit as so many of a base unit."""

    base: str
    factor: Fraction


# One unit a line: how many of the base unit it is, the base unit, and after the colon its spellings.
# Units whose size depends on who is asked (a month in days, a megabyte) are their own base.
TABLE = """
1 second: seconds sec secs second
60 second: minute minutes min mins
3600 second: hour hours hr hrs
86400 second: day days
604800 second: week weeks wk wks
1/1000 second: millisecond milliseconds ms
1209600 second: fortnight fortnights
1 month: month months mth mths mo
3 month: quarters
12 month: year years yr yrs
120 month: decade decades
1200 month: century centuries
1 night: night nights
1 weekend: weekend weekends
1 business-day: workday workdays weekday weekdays
1 metre: metre metres meter meters
1/1000 metre: millimetre millimetres millimeter millimeters mm
1/100 metre: centimetre centimetres centimeter centimeters cm cms
1000 metre: kilometre kilometres kilometer kilometers km kms
1 inch: inch inches
12 inch: foot feet ft
36 inch: yard yards yd yds
1 mile: mile miles mi
1 nautical-mile: nmi
1 light-year: lightyear lightyears
1 gram: gram grams gramme grammes gm gms
1000 gram: kilogram kilograms kilo kilos kg kgs
1/1000 gram: milligram milligrams mg
1 tonne: tonne tonnes
1 ton: ton tons
1 pound-weight: lb lbs
1 pound: pound pounds quid
1 ounce: ounce ounces oz
1 stone: stones
1 litre: litre litres liter liters ltr
1/1000 litre: millilitre millilitres milliliter milliliters ml
1 gallon: gallon gallons gal
1 pint: pint pints
1 quart: quart quarts
1 cup: cup cups
1 tablespoon: tablespoon tablespoons tbsp
1 teaspoon: teaspoon teaspoons tsp
1 celsius: celsius centigrade
1 fahrenheit: fahrenheit
1 kelvin: kelvin kelvins
1 radian: radian radians
1 kmh: kmh kph kmph
1 mph: mph
1 knot: knots
1 acre: acre acres
1 hectare: hectare hectares
1 bit: bit bits
1 byte: byte bytes
1 kilobyte: kb kilobyte kilobytes kib
1 megabyte: mb megabyte megabytes mib
1 gigabyte: gb gigabyte gigabytes gib
1 terabyte: tb terabyte terabytes tib
1 megabit: mbps mbit megabit megabits
1 gigabit: gbps gbit gigabit gigabits
1 kilobit: kbps kbit kilobit kilobits
1 hertz: hz hertz
1 kilohertz: khz kilohertz
1 megahertz: mhz megahertz
1 gigahertz: ghz gigahertz
1 watt: watt watts
1 kilowatt: kilowatt kilowatts kw
1 kilowatt-hour: kwh
1 volt: volt volts
1 amp: amp amps ampere amperes
1 mah: mah
1 joule: joule joules
1 calorie: calorie calories cal
1 kilocalorie: kcal
1 newton: newtons
1 pascal: pascal pascals
1 bar: bars
1 psi: psi
1 horsepower: hp horsepower
1 pixel: pixel pixels px
1 megapixel: megapixel megapixels mp
1 percent: percent pct
1 basis-point: bps
1 adult: adult adults
1 child: child children kid kids
1 infant: infant infants
1 person: person persons people guests travellers travelers passengers
1 user: user users seats licenses licences
1 dollar: dollar dollars usd buck bucks
1/100 dollar: cent cents
1 euro: euro euros eur
1 sterling: gbp sterling
1/100 sterling: pence penny
1 rupee: rupee rupees inr rs
1 yen: yen jpy
1 yuan: yuan cny rmb renminbi
1 franc: franc francs chf
1 krona: krona kronor sek
1 krone: krone kroner nok
1 dkk: dkk
1 zloty: zloty zlotys pln
1 ruble: ruble rubles rouble roubles rub
1 peso: peso pesos mxn
1 lira: lira liras try
1 rand: zar
1 dirham: dirham dirhams aed
1 riyal: riyal riyals sar
1 dinar: dinar dinars
1 ringgit: ringgit myr
1 baht: baht thb
1 rupiah: rupiah idr
1 krw: krw
1 reais: reais brl
1 cad: cad
1 aud: aud
1 nzd: nzd
1 sgd: sgd
1 hkd: hkd
1 shekel: shekel shekels
1 forint: forint forints huf
1 naira: naira
1 bitcoin: bitcoin bitcoins btc
1 ether: ether eth
1 point: points
"""


def _read(table: str) -> dict[str, Unit]:
    found = {}
    for line in table.strip().splitlines():
        head, spellings = line.split(":")
        factor, base = head.split()
        for spelling in spellings.split():
            found[spelling] = Unit(base, Fraction(factor))
    return found


UNITS = _read(TABLE)
"""Spelling, case-folded, to unit, where it follows a number."""

GLUED_UNITS = {
    "m": UNITS["metre"],
    "g": UNITS["gram"],
    "l": UNITS["litre"],
    "h": UNITS["hour"],
    "s": UNITS["second"],
    "d": UNITS["day"],
    "y": UNITS["year"],
    "w": UNITS["watt"],
    "v": UNITS["volt"],
    "f": UNITS["fahrenheit"],
    "c": UNITS["celsius"],
    "in": UNITS["inch"],
}
"""Short spellings that count only where nothing stands between the number and them."""

CURRENCY_SIGNS = {
    "$": UNITS["dollar"],
    "€": UNITS["euro"],
    "£": UNITS["gbp"],
    "₹": UNITS["rupee"],
    "¥": UNITS["yen"],
    "₩": UNITS["krw"],
    "₽": UNITS["ruble"],
    "₺": UNITS["lira"],
    "₿": UNITS["bitcoin"],
}

COMPATIBLE = frozenset({("pound", "pound-weight"), ("pound", "sterling")})
"""Base units of which the first, a word with two meanings, may stand for the second."""

AMBIGUOUS_ALONE = vocabulary(
    "second min mo mi gal try rub mp points person people user users seats licenses licences bar bars "
    "bit bits foot yard stones cal hp ms px guests travellers travelers passengers cent penny pct rs "
    "ether quarters child children kid kids adult adults"
)

BARE_UNITS = {spelling: unit for spelling, unit in UNITS.items() if spelling not in AMBIGUOUS_ALONE}
"""Spellings that name a unit where no number stands before them."""
