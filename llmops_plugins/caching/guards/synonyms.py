"""Words that may stand for each other in a question without changing what is asked."""

from __future__ import annotations

__all__ = ["are_synonyms"]

_GROUPS = """
accessible available reachable
account profile
activate enable
add include insert
address location
advice guidance recommendation tip
aid assist help support
alter change edit modify amend adjust update
amount quantity sum
annual yearly
app application program software tool
apply request submit
area region zone
arrange organise organize schedule plan
arrive come
ask request inquire enquire
attach connect join link
automatic automatically automated
auto automatic
bad poor
baby infant newborn
ban block bar
basic simple fundamental
begin start commence launch
benefit advantage perk
big large huge
bill invoice
bin trash rubbish garbage waste
boss manager supervisor
breach violation
break crack damage
brief short concise
broken defective faulty damaged
build built construct make made create produce craft form
bug error fault issue problem
business company firm
buy purchase get order
call phone ring
car vehicle auto automobile
catch get
cause reason trigger
cell mobile
certain particular specific
charge fee cost
cheap inexpensive affordable
check verify inspect confirm examine review
child children kid kids
choose pick select
city town
class course lesson
clean wash
clear empty
close shut
coat jacket
code snippet script
colleague coworker
collect gather
command instruction
common frequent usual typical
complete finish finalise finalize
computer machine pc
condition terms
consist contain comprise
contact reach
convert turn transform
correct right accurate proper
cost price
couch sofa
count number
country nation
crash freeze
create make generate produce
customer client
cv resume
damage harm
danger risk hazard
dangerous hazardous risky unsafe
data information info
deal offer
decide determine
decrease reduce lower
delay postpone
delete erase remove
deliver ship
delivery shipment shipping
describe explain outline
detail information info
detect find identify spot
develop create build
device gadget
difference distinction
differ vary
difficult hard tough
directory folder
disappear vanish
discount reduction
disease illness sickness
dish meal
display show
doctor physician gp
document file paper
download get
drug medication medicine
earn make
effect impact influence
email mail
employee staff worker personnel
end finish
ensure guarantee
error fault mistake
estimate guess
evaluate assess
exchange swap
exit leave quit
expect anticipate
expense cost
explain clarify describe
extra additional
fail crash
fast quick rapid
fasten secure
father dad
fault defect
feature function functionality
film movie
fix repair resolve solve mend correct
flat apartment
football soccer
fridge refrigerator
function method
funny humorous
garden yard
gas petrol
get obtain receive acquire
give provide supply
go head travel
goal aim objective purpose
guide tutorial manual
happen occur
hire rent
history past
holiday vacation
home house
hotel accommodation
idea suggestion
identify recognise recognize
image picture photo
important crucial essential key
improve enhance better boost
increase raise
infection illness
inform notify tell
instal install
job position
join enter
jumper sweater
keep hold store retain
kid child
lawyer attorney solicitor
learn study
letter mail
lift elevator
limit cap maximum restriction
list enumerate
little small tiny
live reside
locate find
login signin
log sign
look search
lose misplace
love like
luggage baggage
main primary principal chief
major main
make create
manage handle
mark grade
math maths mathematics
maximum limit
mean signify
meaning definition
measure gauge
meeting appointment
method way approach technique
minimum least
money cash
month monthly
mother mum mom
motorway highway freeway
name title
need require want
new fresh
nice good
normal usual typical regular
notice notification
notification alert
nursery daycare
occur happen
offer provide
old former
open launch
option choice alternative possibility
order purchase
origin source
outcome result
owner holder
package parcel
parking park
part piece component portion
pay settle
payment transaction
pants trousers
people person
close near closest nearest
slipped herniated
matter significance importance
swim bathe
grow grown
measurements dimension size
put insert place
benefit good
crowded busy
edible eaten
high elevation height tall
channel station
renter tenant
sing sang singer song
solve solution fix
stamp validate
without no
perform do execute run
period duration
permit allow let
pension retirement
photo picture
place put spot
plan subscription
plane aircraft
platform service
policy rule
post mail
potato spud
prepare make cook
present gift
present current
prevent avoid stop
price cost
print output
private personal
problem issue trouble
procedure process steps
product item article
proof evidence
protect guard secure
pupil student
queue line
quit stop
quote cite
rate speed
rear back
receive get
recipe instructions
recommend suggest advise
record log
recover restore retrieve
refund reimbursement
regulation rule law
reject decline refuse
relation relationship link connection
remember recall
rename retitle
renew extend
rent lease
replace substitute swap exchange
reply answer respond response
report statement
reserve book
reset restore
restaurant eatery
result outcome
return send
reverse undo
role job
rubbish trash
rule regulation
salary pay wage
sale deal
sample example
save store keep
say tell state
schedule timetable
school college
screen display monitor
section part
see view
sell vend
setting option preference configuration
setup configure
shoe footwear
shop store
show display present
sick ill unwell
sign symptom indication
silent quiet
similar alike comparable
site website page
situated located
size dimension
sleep rest
smart clever intelligent
sneaker trainer
sort type kind category
speak talk
spouse partner
stage phase step
start begin
stay remain
step stage
stop halt end cease
story tale
street road
subject topic
subscription membership plan
sufficient enough adequate
summarise summarize condense
supply provide
sweets candy
switch change
symptom sign
table chart
take accept
talk speak
task job
tax duty
teach instruct
telephone phone mobile smartphone
terminate end cancel
test check exam examination
thing item
ticket booking
total sum overall
track follow trace
train coach
translate render
transmit send transfer
trip journey
truck lorry
try attempt
tv television telly
ultimate final
understand grasp
university college
upgrade update
urgent pressing
usage consumption use
use utilise utilize employ
user member
utilise use
value worth
verify confirm
video clip
visit see
warranty guarantee
wear use
wed marry
weight mass
whole entire complete
wifi wlan
winner victor
wish want
word term
work function operate
work job
write wrote author compose draft
wrong incorrect
yearly annual
zip postcode
"""


def _grouped() -> dict[str, set[int]]:
    places: dict[str, set[int]] = {}
    for place, line in enumerate(_GROUPS.strip().splitlines()):
        for word in line.split():
            places.setdefault(word, set()).add(place)
    return places


_PLACES = _grouped()


def are_synonyms(one: str, other: str) -> bool:
    """Tell whether two words, in lower case, are listed together, also in the plural and other inflections.

    Args:
        one: A word.
        other: Another.
    """
    return any(_PLACES.get(a, set()) & _PLACES.get(b, set()) for a in _lemmas(one) for b in _lemmas(other))


def _lemmas(word: str) -> list[str]:
    """Return the word and what it may be an inflection of."""
    found = [word]
    for ending, instead in (
        ("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ied", "y"),
        ("ing", ""), ("ing", "e"), ("ly", ""),
    ):  # fmt: skip
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word.removesuffix(ending)
            found += [stem + instead, stem[:-1] if stem[-2:-1] == stem[-1:] else stem + instead]
    return found
