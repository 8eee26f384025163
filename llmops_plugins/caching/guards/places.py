"""Places, peoples and languages that count as names in lower case too."""

from __future__ import annotations

from llmops_plugins.caching.guards.cities import CITIES

__all__ = ["COUNTRIES", "PLACES"]

# One place a line, under its first word; the other words and phrases (joined by _) are the same place or its
# people. A language shares its country's line, since "German" is both: who asks about learning German and who
# asks about living in Germany differ in more than this word.
_COUNTRIES = """
usa us u.s u.s.a united_states united_states_of_america america american americans
uk u.k united_kingdom great_britain britain british
england
scotland scottish
wales welsh
ireland irish
canada canadian canadians
mexico mexican mexicans
brazil brazilian brazilians
argentina argentinian argentine
colombia colombian
peru peruvian
venezuela venezuelan
cuba cuban
ecuador
bolivia
uruguay
paraguay
panama
costa_rica
guatemala
honduras
nicaragua
jamaica jamaican
haiti
dominican_republic
puerto_rico
france french
germany german germans
spain spanish
italy italian italians
portugal portuguese
netherlands dutch holland
belgium belgian
luxembourg
switzerland swiss
austria austrian
denmark danish
sweden swedish
norway norwegian norwegians
finland finnish
iceland icelandic
poland
czech czechia czech_republic
slovakia slovak
slovenia
hungary hungarian
romania romanian
bulgaria bulgarian
greece greek greeks
croatia croatian
serbia serbian
bosnia
albania albanian
ukraine ukrainian
russia russian russians
belarus
lithuania
latvia
estonia
turkey turkish
israel israeli israelis
palestine palestinian
egypt egyptian
morocco moroccan
algeria
tunisia
libya
saudi_arabia saudi ksa
uae united_arab_emirates emirati
qatar
kuwait
bahrain
oman
yemen
iran iranian persian
iraq iraqi
syria syrian
lebanon lebanese
afghanistan afghan
pakistan pakistani pakistanis
india indian indians
bangladesh bangladeshi
nepal nepali
sri_lanka lanka
bhutan
maldives
china chinese
taiwan taiwanese
japan japanese
korea korean koreans
south_korea
north_korea
mongolia
vietnam vietnamese
thailand thai
cambodia
laos
myanmar burma
malaysia malaysian
singapore singaporean
indonesia indonesian
philippines filipino filipinos philippine
australia australian australians aussie
new_zealand kiwi nz
fiji
south_africa
nigeria nigerian
kenya kenyan
ghana
ethiopia ethiopian
uganda
tanzania
rwanda
zimbabwe
zambia
angola
mozambique
madagascar
senegal
sudan
somalia
congo
cameroon
cyprus
malta
monaco
kazakhstan
uzbekistan
armenia armenian
azerbaijan
tibet
kashmir
hong_kong
macau
europe european europeans
eu european_union
africa african africans
asia asian asians
antarctica
arctic
middle_east
latin_america
scandinavia
english
mandarin
cantonese
hindi
urdu
bengali
tamil
telugu
marathi
gujarati
punjabi
kannada
malayalam
sanskrit
arabic
hebrew
latin
swahili
esperanto
"""


def _read(table: str) -> dict[str, str]:
    return {
        name.replace("_", " "): line.split()[0].replace("_", " ")
        for line in table.strip().splitlines()
        for name in line.split()
    }


COUNTRIES = frozenset(_read(_COUNTRIES).values())
"""What countries, continents and languages are compared under."""

PLACES = _read(_COUNTRIES) | _read(CITIES)
"""Case-folded word or phrase to the place it names."""
