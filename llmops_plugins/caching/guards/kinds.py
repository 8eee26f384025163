"""Words that exclude each other: where one question has the one and the other another, they differ."""

from __future__ import annotations

__all__ = ["KINDS", "KIND_OF"]

# One kind a line. Words joined by = are one and the same; a phrase is joined by _.
_TABLE = """
colour: red blue green yellow orange purple pink brown black white grey=gray gold silver beige navy turquoise
size: small=smaller medium large=larger xs xl xxl
card: credit debit prepaid
account: savings=saving checking=chequing business_account joint_account
document: passport visa licence=license id_card birth_certificate
metal: iron copper zinc lead aluminium=aluminum steel gold silver platinum titanium nickel tin
substance: water ethanol alcohol oil milk vinegar mercury benzene acetone ammonia
gas: hydrogen helium oxygen nitrogen carbon neon argon chlorine methane ozone
transport: train=trains bus=buses plane=flight=flights ferry car=cars taxi=cab bicycle=bike \
motorcycle=motorbike
device: laptop=laptops tablet phone=mobile=smartphone printer=printers router monitor keyboard mouse \
television=tv
stay: hotel=hotels hostel hostels apartment villa campsite
room: single_room double_room twin_room suite
ticket: one-way=one_way=oneway round-trip=round_trip=return_ticket
class: economy business_class first_class
meal: breakfast lunch dinner brunch
drink: coffee tea beer wine juice whisky=whiskey vodka
meat: chicken beef pork lamb fish turkey
relative: mother=mom=mum father=dad brother sister son daughter uncle aunt husband wife grandmother \
grandfather
animal: dog=dogs=puppy cat=cats=kitten horse=horses cow=cows bird=birds rabbit=rabbits lion tiger elephant
sport: football=soccer cricket tennis basketball baseball hockey golf rugby volleyball badminton swimming
instrument: guitar piano violin drums flute cello trumpet
garment: shirt=shirts shoes=shoe jacket=jackets dress=dresses jeans trousers socks hat coat boots
subject: physics chemistry biology mathematics=math=maths history geography economics philosophy psychology
degree: bachelor=bachelors master=masters phd=doctorate mba
quarter: north=northern south=southern east=eastern west=western
shape: circle=circular square triangle rectangle cube sphere cylinder cone
structure: list tuple dictionary=dict array set queue stack
branch: merge rebase cherry-pick
method: get_request post_request put_request delete_request
tax: income_tax sales_tax property_tax vat
insurance: health_insurance car_insurance life_insurance home_insurance travel_insurance
loan: mortgage student_loan car_loan personal_loan
shipping: standard=standard_shipping express=expedited overnight
organ: heart liver kidney=kidneys lung=lungs brain stomach skin
illness: flu cold diabetes cancer asthma malaria tuberculosis
hand: left right
vitamin: calcium potassium magnesium sodium protein
storage: ssd hdd
memory: ram rom cpu gpu
port: usb hdmi
medicine: ibuprofen paracetamol=acetaminophen aspirin naproxen
insect: spider=spiders ant=ants bee=bees fly
party: republican=republicans democrat=democrats=democratic
statistics: mean median variance
trigonometry: sine cosine tangent
appliance: oven microwave grill stove=stovetop
fruit: apple=apples pear=pears peach=peaches cherry=cherries plum=plums mango=mangoes banana=bananas \
lemon=lemons lime=limes strawberry=strawberries grape=grapes blueberry=blueberries
statement: balance_sheet cash_flow income_statement
vehicle: petrol=gasoline diesel electric hybrid
"""


def _read(table: str) -> dict[str, list[list[str]]]:
    kinds = {}
    for line in table.strip().splitlines():
        kind, words = line.split(":")
        kinds[kind] = [[name.replace("_", " ") for name in word.split("=")] for word in words.split()]
    return kinds


KINDS = _read(_TABLE)
"""Kind to its members, each with its spellings."""


def _by_spelling() -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for kind, members in KINDS.items():
        for member in members:
            for spelling in member:
                found[spelling] = (*found.get(spelling, ()), (kind, member[0]))
    return found


KIND_OF = _by_spelling()
"""Case-folded word or phrase to its kinds, each with the member it is there."""
