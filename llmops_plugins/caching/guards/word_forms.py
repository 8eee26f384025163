"""Whether two words are one: in another form, spelling or abbreviation, or of the same family."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache

from llmops_plugins.caching.guards.places import PLACES
from llmops_plugins.caching.guards.products import PRODUCT_ALIASES
from llmops_plugins.caching.guards.reading import stem, vocabulary
from llmops_plugins.caching.guards.synonyms import are_synonyms
from llmops_plugins.caching.guards.unit_words import COMPATIBLE, GLUED_UNITS, UNITS, Unit

__all__ = ["mean_the_same"]

_SPELLED_ALIKE = 0.75
_MISSPELT = 0.85
_LONG, _SHORTEST = 5, 3
_SHARED_BEGINNING = 6
_SUFFIXES = vocabulary("""
    ment ments ing er ers or ors ion ions ation ations ition al ally ness ful able ible y ly ity
    ship ed es s ist ists ic ical ance ence ant ent age ages en n
""")
_ROLES = (("er", "ee"), ("or", "ee"), ("ant", "or"))
_IRREGULAR = """
be was were been | beat beaten | become became | begin began begun | bend bent | bite bit bitten | bleed
bled | blow blew blown | break broke broken | breed bred | bring brought | build built | burn burnt | buy
bought | catch caught | choose chose chosen choice | come came | cut cuts | deal dealt | dig dug | do did
done | draw drew drawn | dream dreamt | drink drank drunk | drive drove driven | eat ate eaten | fall fell
fallen | feed fed food | feel felt | fight fought | find found | fly flew flown | forbid forbade forbidden
| forget forgot forgotten | forgive forgave forgiven | freeze froze frozen | get got gotten | give gave
given | go went gone | grow grew grown growth | hang hung | have had has | hear heard | hide hid hidden |
hold held | keep kept | know knew known | lay laid | lead led | learn learnt | leave left | lend lent |
lie lay lain | light lit | lose lost loss | make made | mean meant | meet met | mistake mistook | pay paid
| prove proven | ride rode ridden | ring rang rung | rise rose risen | run ran | say said | see saw seen |
seek sought | sell sold sale | send sent | sew sewn | shake shook shaken | shine shone | shoot shot | show
showed shown | shrink shrank shrunk | shut | sing sang sung | sink sank sunk | sit sat | sleep slept |
slide slid | smell smelt | speak spoke spoken | speed sped | spell spelt | spend spent | spill spilt |
spin spun | spoil spoilt | stand stood | steal stole stolen | stick stuck | sting stung | strike struck |
swear swore sworn | sweep swept | swim swam swum | swing swung | take took taken | teach taught | tear
tore torn | tell told | think thought | throw threw thrown | understand understood | wake woke woken |
wear wore worn | weave wove woven | weep wept | win won | wind wound | withdraw withdrew withdrawn | write
wrote written | child children | man men | woman women | person people | foot feet | tooth teeth | mouse
mice | goose geese | knife knives | life lives live alive | wife wives | leaf leaves | half halves | shelf
shelves | wolf wolves | good better best | bad worse worst | far further farther | little less least |
datum data | criterion criteria | analysis analyses | index indices | appendix appendices | medium media |
long length | strong strength | high height | wide width | deep depth | warm warmth | true truth | die
dead death | hot heat | sell sold | decide decision | consume consumption | produce production | reduce
reduction | receive receipt reception | describe description | subscribe subscription | prescribe
prescription | explain explanation | expand expansion | extend extension | permit permission | admit
admission | submit submission | convert conversion | compare comparison | destroy destruction | maintain
maintenance | pronounce pronunciation | believe belief | advise advice | proof prove | behave behaviour
behavior | allow allowance | fail failure | please pleasure | press pressure | sign signature | close
closure | arrive arrival | approve approval | refuse refusal | renew renewal | remove removal | deny
denial | survive survival | try trial | bury burial | weigh weight | fly flight | see sight | think
thought | speak speech | serve service | choose choice | marry marriage | store storage | use usage |
enter entry entrance | deliver delivery | discover discovery | recover recovery | inquire inquiry | injure
injury | apply application | qualify qualification | verify verification | notify notification | identify
identification | classify classification | resign resignation | solve solution | resolve resolution |
evolve evolution | revolt revolution | sun solar | moon lunar | tooth dental | mind mental | day daily |
week weekly | month monthly | year yearly annual annum
"""
_ABBREVIATIONS = """
mb megabyte | btc bitcoin | app application | apps applications | info information | admin administrator |
config configuration | repo repository | doc document | docs documents documentation | auth authentication
| db database | env environment | dev developer development | prod production | max maximum | min minimum
| approx approximately | dept department | govt government | uni university | vs versus | pic picture |
pics pictures | temp temperature | temperature temps | lab laboratory | exam examination | ad
advertisement | ads advertisements | phone telephone | fridge refrigerator | bike bicycle | flu influenza
| vet veterinarian | gym gymnasium | photo photograph | math mathematics maths | memo memorandum | stats
statistics | specs specifications | spec specification | param parameter | params parameters | func
function | msg message | pwd password | num number | avg average | qty quantity | acct account | mgmt
management | intl international | tv television | pc computer | id identifier identity | wknd weekend |
tmrw tomorrow | tmr tomorrow | appt appointment | addr address | est estimate | min minute | hr hour | hrs
hours | org organisation organization | dir directory | pkg package | lib library | deps dependencies |
perf performance | sync synchronise synchronize | async asynchronous
"""


def _grouped(table: str) -> dict[str, set[int]]:
    groups: dict[str, set[int]] = {}
    for place, group in enumerate(table.split("|")):
        for word in group.split():
            groups.setdefault(word, set()).add(place)
    return groups


_FORMS = _grouped(f"{_IRREGULAR}|{_ABBREVIATIONS}")


@lru_cache(maxsize=16384)
def mean_the_same(one: str, other: str) -> bool:
    """Tell whether two words, in lower case, are listed synonyms, or one word in two forms.

    Args:
        one: A word.
        other: Another.
    """
    one, other = sorted((one, other))  # what is found may depend on their order, and must not
    if one == other or _of_one_group(one, other) or are_synonyms(one, other):
        return True
    name = PLACES.get(one) or PRODUCT_ALIASES.get(one, one)
    if name == (PLACES.get(other) or PRODUCT_ALIASES.get(other, other)):
        return True
    unit, of_other = _unit(one), _unit(other)
    if unit is not None and of_other is not None and _is_one_unit(unit, of_other):
        return True
    return _of_one_family(one, other) or _alike(one, other)


def _unit(word: str) -> Unit | None:
    return UNITS.get(word) or GLUED_UNITS.get(word)


def _is_one_unit(unit: Unit, other: Unit) -> bool:
    return unit == other or not COMPATIBLE.isdisjoint({(unit.base, other.base), (other.base, unit.base)})


def _of_one_group(one: str, other: str) -> bool:
    return any(_FORMS.get(a, set()) & _FORMS.get(b, set()) for a in _forms(one) for b in _forms(other))


def _forms(word: str) -> tuple[str, ...]:
    endings = ("s", "es", "d", "ed", "ing")
    return (word, *(word.removesuffix(ending) for ending in endings if word.endswith(ending)))


def _of_one_family(one: str, other: str) -> bool:
    """Tell whether one word is made of the other by an ending: pay, payment."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _SHORTEST or stem(one) == stem(other):
        return len(shorter) >= _SHORTEST
    for root in {shorter, shorter.removesuffix("e"), shorter.removesuffix("y") + "i", shorter + shorter[-1]}:
        if len(root) >= _SHORTEST and longer.startswith(root) and longer.removeprefix(root) in _SUFFIXES:
            return True
    return False


def _alike(one: str, other: str) -> bool:
    """Tell whether two words are one in another form or spelling."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _LONG or longer.endswith(shorter) or longer[:1] != shorter[:1]:
        return False
    if any(a.endswith(x) and b.endswith(y) for x, y in _ROLES for a, b in ((one, other), (other, one))):
        return False
    if longer.startswith(shorter[:_SHARED_BEGINNING]) and len(shorter) >= _SHARED_BEGINNING:
        return True
    likeness = SequenceMatcher(None, one, other, autojunk=False).ratio()
    return likeness >= (_SPELLED_ALIKE if longer[:3] == shorter[:3] else _MISSPELT)
