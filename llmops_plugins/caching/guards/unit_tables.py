"""What units of measure, money and counted things are called, as text."""

from __future__ import annotations

__all__ = ["COUNTED", "MEASURED", "PHRASES", "PREFIXED", "PREFIXES"]

# One unit a line: how many of the base unit it is, the base unit, and after the colon its spellings.
# Units whose size depends on who is asked (a month in days, a megabyte) are their own base.
MEASURED = {
    "time": """
1 second: seconds sec secs second
60 second: minute minutes min mins
3600 second: hour hours hr hrs
86400 second: day days
604800 second: week weeks wk wks
1209600 second: fortnight fortnights
1 month: month months mth mths mo
3 month: quarters
12 month: year years yr yrs
120 month: decade decades
1200 month: century centuries
1 night: night nights
1 weekend: weekend weekends
1 business-day: workday workdays weekday weekdays
1 term: terms
1 semester: semesters
""",
    "length": """
1 metre: meter meters
1/1000000 metre: micron microns
1 inch: inch inches
12 inch: foot feet ft
36 inch: yard yards yd yds
63360 inch: mile miles mi
1852 metre: nmi nautical_mile nautical_miles
1 astronomical-unit: au astronomical_unit astronomical_units
1 light-second: light_second light_seconds
60 light-second: light_minute light_minutes
3600 light-second: light_hour light_hours
1 light-year: lightyear lightyears light_year light_years ly
1 parsec: parsec parsecs
1 furlong: furlong furlongs
1 league: leagues
1 fathom: fathom fathoms
""",
    "mass": """
1000 gram: kilo kilos kgs
1 gram: gramme grammes gm gms
1/1000000 gram: mcg ug
1/5 gram: carat carats
1000000 gram: tonne tonnes metric_ton metric_tons
1 ton: ton tons
1 pound-weight: lb lbs
1/16 pound-weight: ounce ounces oz
14 pound-weight: stone stones
1 troy-ounce: troy_ounce troy_ounces
1 grain: grains
""",
    "volume": """
1 litre: liter liters ltr ltrs
1/1000 litre: cc ccs
1 gallon: gallon gallons gal
1/4 gallon: quart quarts
1/8 gallon: pint pints
1 fluid-ounce: fluid_ounce fluid_ounces fl_oz
1 cup: cup cups
1 tablespoon: tablespoon tablespoons tbsp
1 teaspoon: teaspoon teaspoons tsp
1 barrel: barrel barrels bbl
1 bushel: bushel bushels
""",
    "temperature": """
1 celsius: celsius centigrade
1 fahrenheit: fahrenheit
1 kelvin: kelvin kelvins
""",
    "angle": """
1 radian: radian radians
1 arcminute: arcminute arcminutes
1 arcsecond: arcsecond arcseconds
""",
    "speed": """
1 kmh: kmh kph kmph
18/5 kmh: mps
1 mph: mph
1 knot: knots
1 mach: mach
""",
    "area": """
1 acre: acre acres
10000 square-metre: hectare hectares ha
""",
    "data": """
1 bit: bit bits
1 byte: byte bytes
1 kilobyte: kb kilobyte kilobytes kib kibibyte kibibytes
1 megabyte: mb megabyte megabytes mib mebibyte mebibytes
1 gigabyte: gb gigabyte gigabytes gib gibibyte gibibytes
1 terabyte: tb terabyte terabytes tib tebibyte tebibytes
1 petabyte: pb petabyte petabytes pib
1 kilobit: kbps kbit kilobit kilobits
1 megabit: mbps mbit megabit megabits
1 gigabit: gbps gbit gigabit gigabits
1 terabit: tbps terabit terabits
""",
    "power": """
1 horsepower: hp horsepower bhp
1 btu-hour: btus_per_hour
""",
    "energy": """
3600 joule: wh watt_hour watt_hours
3600000 joule: kwh kilowatt_hour kilowatt_hours
3600000000 joule: mwh megawatt_hour megawatt_hours
3600000000000 joule: gwh gigawatt_hour gigawatt_hours
1 calorie: calorie calories cal
1 kilocalorie: kcal kilocalorie kilocalories
1 btu: btu btus
1 therm: therm therms
""",
    "charge": """
1 mah: mah milliamp_hour milliamp_hours
1 amp-hour: amp_hour amp_hours
""",
    "pressure": """
1 psi: psi
1 atmosphere: atm atmospheres
1 torr: torr
1 mmhg: mmhg
""",
    "sound": """
1 decibel: decibel decibels db
""",
    "light": """
1 lux: lux
1 lumen: lumen lumens
""",
    "rotation": """
1 rpm: rpm
""",
    "potency": """
1 iu: iu ius
""",
    "picture": """
1 pixel: pixel pixels px
1 megapixel: megapixel megapixels mp
""",
    "money": """
1 dollar: dollar dollars usd buck bucks us_dollar us_dollars american_dollars
1/100 dollar: cent cents
1 euro: euro euros eur
1 sterling: gbp sterling pound_sterling pounds_sterling british_pounds
1/100 sterling: pence penny
1 rupee: rupee rupees inr rs indian_rupees
1 yen: yen jpy japanese_yen
1 yuan: yuan cny rmb renminbi
1 franc: franc francs chf swiss_franc swiss_francs
1 krona: krona kronor sek swedish_kronor swedish_krona
1 krone: krone kroner nok norwegian_kroner norwegian_krone
1 dkk: dkk danish_kroner danish_krone
1 zloty: zloty zlotys pln polish_zloty
1 koruna: koruna korunas czk
1 ruble: ruble rubles rouble roubles rub
1 peso: peso pesos mxn mexican_pesos
1 lira: lira liras try
1 rand: zar
1 dirham: dirham dirhams aed
1 riyal: riyal riyals sar
1 dinar: dinar dinars
1 ringgit: ringgit myr
1 baht: baht thb
1 rupiah: rupiah idr
1 krw: krw korean_won
1 reais: reais brl
1 cad: cad canadian_dollar canadian_dollars
1 aud: aud australian_dollar australian_dollars
1 nzd: nzd new_zealand_dollar new_zealand_dollars
1 sgd: sgd singapore_dollar singapore_dollars
1 hkd: hkd hong_kong_dollar hong_kong_dollars
1 shekel: shekel shekels
1 forint: forint forints huf
1 naira: naira
1 bitcoin: bitcoin bitcoins btc
1 ether: ether eth
""",
    "mass or money": """
1 pound: pound pounds
""",
}
"""Dimension to its units."""

COUNTED = """
1 pound: quid
1 percent: percent pct
1 basis-point: bps
1 adult: adult adults
1 child: child children kid kids
1 infant: infant infants
1 person: person persons people guests travellers travelers passengers
1 user: user users seats licenses licences
1 point: points
"""
"""Units of things that are counted, which have no dimension."""

PREFIXES = "nano:n:1/1000000000 micro:u:1/1000000 milli:m:1/1000 centi:c:1/100 deci:d:1/10 hecto:h:100 \
kilo:k:1000 mega:m:1000000 giga:g:1000000000 tera:t:1000000000000"

# One unit a line: dimension, name, symbol, and after the colon the prefixes that stand before each; a symbol
# is written without its capitals, so that it takes only one of milli and mega.
PREFIXED = """
time second s: nano micro milli centi | nano micro milli
length metre m: nano micro milli centi deci kilo | nano micro milli centi kilo
length meter m: nano micro milli centi deci kilo |
mass gram g: nano micro milli centi kilo mega | milli kilo
volume litre l: micro milli centi deci hecto | milli centi deci
volume liter l: micro milli centi deci hecto |
power watt w: micro milli kilo mega giga tera | kilo mega giga
voltage volt v: micro milli kilo mega | milli kilo
current amp a: nano micro milli kilo |
current ampere a: nano micro milli kilo |
resistance ohm ohm: milli kilo mega | kilo
energy joule j: milli kilo mega giga tera | kilo mega
pressure pascal pa: hecto kilo mega giga | hecto kilo mega
pressure bar bar: milli |  milli
force newton n: milli kilo mega |
frequency hertz hz: kilo mega giga tera | kilo mega giga
dose sievert sv: micro milli | micro milli
substance mole mol: milli micro nano | milli micro nano
"""

PHRASES = """
kmh: km_h km_hr kilometre_per_hour kilometres_per_hour kilometer_per_hour kilometers_per_hour km_per_hour \
kilometres_an_hour kilometers_an_hour kms_per_hour
mph: mile_per_hour miles_per_hour miles_an_hour mi_h
mps: m_s metre_per_second metres_per_second meter_per_second meters_per_second metres_a_second m_per_s
mbps: mbit_s megabits_per_second megabit_per_second
gbps: gbit_s gigabits_per_second
square metre: m2 sqm sq_m
square kilometre: km2 sq_km
square foot: ft2 sqft sq_ft
square inch: in2 sq_in
square centimetre: cm2
cubic metre: m3
cubic centimetre: cm3
cubic foot: ft3
milligram: thousandths_of_a_gram
"""
"""Spelling of a unit to other ways to write it, words joined by _."""
