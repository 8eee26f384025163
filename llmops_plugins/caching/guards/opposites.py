"""Pairs of words that turn a question into its opposite."""

from __future__ import annotations

from typing import NamedTuple

from llmops_plugins.caching.guards.reading import vocabulary

__all__ = ["IMPLIED_NEGATIVES", "NEGATIVE_WORDS", "OPPOSITES", "PARTICLES", "PARTICLE_VERBS", "Pair"]

# One pair a line, the two sides parted by a bar; a side's words mean the same. Phrases are joined by _. A
# line that begins with ~ holds words that also tell two sides of the same thing (I received, you sent; the
# old one ran out, the new one came): they count only where little else differs.
_TABLE = """
enable activate unblock unmute reactivate turn_on | disable deactivate turn_off
open opening opened reopen | close closing shut closure
increase raise grow growth rise rising grew higher boost gain turn_up | decrease reduce shrink lower fall \
fell falling drop decline lose turn_down reduction loss
buy purchase bought buyer buyers | sell sold selling seller sellers sale
buy purchase own | rent lease
lend lent lender loan | borrow borrowed borrower
allow allowed permit permitted legal lawful | forbid forbidden ban banned prohibit prohibited disallow \
illegal unlawful
~start begin begun began beginning launch resume starting | stop end finish quit halt ending pause
add insert put attach adding | remove delete detach erase drop
install | uninstall remove
import importing | export exporting
~send sent sender sending | receive received receiver recipient receiving
above over | below under beneath underneath
pro pros advantage advantages benefit benefits upside upsides strength strengths | con cons disadvantage \
disadvantages drawback drawbacks downside downsides weakness weaknesses
male males man men boy boys guy guys | female females woman women girl girls
husband boyfriend groom | wife girlfriend bride
~win won winning winner | lose lost losing loser
accept accepted accepting approve approved | reject rejected decline declined deny denied refuse refused
upload uploading | download downloading
encrypt encryption encoded encode encrypting | decrypt decryption decode decoding decrypting
lock locked locking | unlock unlocked unlocking
subscribe subscribing subscribed subscription | unsubscribe unsubscribing unsubscribed
follow | unfollow
block blocking blocked | unblock unblocking unblocked
mute muted | unmute unmuted
pin pinned | unpin unpinned
archive archived | unarchive unarchived
link linked linking | unlink unlinked unlinking
hide hidden | unhide
check | uncheck
select selected | deselect unselect
publish published | unpublish unpublished
ban banned | unban unbanned
tag tagged | untag untagged
friend | unfriend
comment | uncomment
restrict restricted | unrestrict unrestricted
cover covered covers include | exclude excluded excludes
like love loved | unlike dislike hate hated
connect connecting connected connection | disconnect disconnecting disconnected disconnection
log_in login sign_in log_on signin | log_out logout sign_out log_off signout
check_in checkin | check_out checkout
opt_in | opt_out
sign_up register join enrol enroll | unregister leave withdraw resign
deposit depositing deposited | withdraw withdrawal withdrawing withdrew
credit credited | debit debited
pass passed passing succeed success successful | fail failed failing failure unsuccessful
work working works worked function | fail failing fails failed broken
push pushing | pull pulling
push | pop
show showing display visible shown | hide hiding hidden invisible
appear appearing | disappear disappearing vanish
arrive arriving arrival arrivals incoming | depart departing departure departures outgoing leave leaving
enter entering entry entrance | exit exiting leave leaving
public | private
internal inside indoor inner interior indoors | external outside outdoor outer exterior outdoors
~good great benefit positive | bad terrible harm negative awful
safe secure harmless | unsafe dangerous harmful insecure risky
true right correct | false wrong incorrect
hot warm heat heating | cold cool cooling
easy simple | hard difficult complex complicated
rich wealthy | poor
strong | weak
heavy | light
tall high | short low
upgrade upwards upward | downgrade downwards downward
~up | down
fast quick quickly speed_up accelerate | slow slowly slow_down decelerate
early earlier | late later
full | empty
~full | partial half
wet | dry
clean | dirty
~alive living life live | dead death die
remember remembered | forget forgot forgotten
compress zip compressing | decompress unzip extract decompressing
mount | unmount
~paid premium | free
freeze frozen | thaw melt unfreeze
before | after
~light | dark
happy | sad unhappy
include | exclude
available availability in_stock | unavailable out_of_stock
refundable | nonrefundable
valid | invalid expired
active | inactive
visible | invisible
complete completed finished | incomplete unfinished
likely | unlikely
insured | uninsured
~born | die died dead
employed | unemployed
used | unused
reliable | unreliable
usual common normal | unusual rare uncommon abnormal
healthy | unhealthy
fair | unfair
known | unknown
limited | unlimited
authorized authorised | unauthorized unauthorised
verified | unverified
read | unread
~read | write
input | output
agree agreed | disagree disagreed
advantageous | disadvantageous
regular | irregular
direct | indirect
dependent | independent
finite | infinite
formal | informal
mutable | immutable
sync synchronous | async asynchronous
static | dynamic
local | remote
client | server
frontend front-end | backend back-end
ascending | descending
horizontal | vertical
attract | repel
attack | defend defence defense
create build make creating | destroy delete demolish
expand | collapse contract
~save saving | spend waste spending
employ hire hiring hired | fire firing fired dismiss
employer employers | employee employees
teacher teachers teach teaching | student students learn
landlord | tenant
parent parents | child children
asset assets | liability liabilities
supply | demand
income revenue | expense expenses expenditure
profit profits profitable | loss losses unprofitable
domestic | international
single unmarried | married
marry marriage | divorce
always | never
~old older | new newer
top | bottom
wholesale | retail
inhale | exhale
mandatory required compulsory | optional voluntary
temporary temporarily | permanent permanently
manual manually | automatic automatically
online | offline
subtract minus | add plus
multiply | divide
earn earning earned | spend spending spent
~give giving gave given | accept accepting accepted
~give giving gave given | take taking took taken
~give giving gave given | receive receiving received
port_to | port_away port_out
~build building built construct | demolish demolished torn_down collapse collapsed come_down came_down
~die died dies killed perished | survive survived survives survivor survivors
~unopened sealed | opened
~new | existing current returning
pause paused | resume resumed unpause continue
cooked | raw uncooked
register registering registered | deregister deregistering deregistered
apply applying | withdraw withdrawing
authenticated | unauthenticated anonymous
eligible | ineligible
answered | unanswered
resolved solved | unresolved unsolved
~owner owners | guest guests tenant tenants
lender lenders | borrower borrowers
~winner winners | loser losers
occupied | vacant
taxable | tax-free nontaxable
~gain weight_gain | lose weight_loss
inbound | outbound
inflow | outflow
prefix | suffix
plaintiff | defendant
predator predators | prey
~asleep sleep | awake wake
~summer | winter
sunrise | sunset
odd-numbered | even-numbered
reinstate reinstated reinstating | cancel cancelling canceled cancelled revoke revoked
renew renewing renewed | cancel cancelling canceled cancelled
inhabited | uninhabited
merge merging | split splitting
zoom_in | zoom_out
fill | drain
hire | sack
maximise maximize | minimise minimize
lengthen | shorten
tighten | loosen
approve approving approved | revoke revoking revoked
grant granting granted | revoke revoking revoked
dim | brighten
upvote upvotes | downvote downvotes
refuse refuses refused decline | agree agrees agreed
outdated obsolete out_of_date | up_to_date
within | outside beyond
vote_for voting_for argument_for arguments_for reasons_for case_for evidence_for in_favour_of in_favor_of | \
vote_against voting_against argument_against arguments_against reasons_against case_against evidence_against
liberal left-wing | conservative right-wing
~even | odd
~cause causes | effect effects cure
"""

PARTICLE_VERBS = vocabulary(
    "turn turns turned turning switch switches switched switching power put log logs logged logging "
    "sign signs signed signing check checks checked checking opt opts opted opting speed slow go goes "
    "going went lock"
)
"""Verbs whose sense hangs on the particle after them, a few words on."""

PARTICLES = {"on": "on", "off": "off", "in": "in", "out": "out", "up": "up", "down": "down"}
"""Particles, all of which may stand up to three words after their verb."""

NEGATIVE_WORDS = vocabulary(
    "not cannot never no none nobody nothing nowhere neither without unable impossible except excluding "
    "unless cant dont wont isnt arent doesnt didnt havent hasnt couldnt shouldnt wouldnt wasnt werent "
    "hardly barely ain't aint nope"
)
"""Words that negate; words that end in n't do too."""

IMPLIED_NEGATIVES = vocabulary("""
    fail failure missing miss refuse reject deny decline lack lacking forget forgot forgotten unable
    impossible out_of run_out ran_out broken break error wrong problem trouble issue lost lose gone
    absent empty dead down offline stop prevent avoid skip cancel remove disable hide leave_off
    leave_out left_out call_off get_rid turn_off turned_off free stuck hang crash differ different
    difference another instead only unused unwanted unknown uninsured illegal forbid forbidden ban
    prohibit ignore hate dislike block random few little rarely natural vegan vegetarian keep plain safe
    safely alone remote remotely away mistake exclude quit bad worse low disappear unopened unpaid
    overdue expired unsubscribe delete against rid intestate declined unavailable unlimited denied
    incomplete
""")
"""Words that may stand where the other question has a negation, as "the sound is missing" for "no sound"."""


class Pair(NamedTuple):
    """One pair of opposites.

    Args:
        number: Its line in the table.
        loose: Whether it counts only where little else differs.
    """

    number: int
    loose: bool


def _read(table: str) -> dict[str, tuple[tuple[Pair, int], ...]]:
    found: dict[str, tuple[tuple[Pair, int], ...]] = {}
    for number, line in enumerate(table.strip().splitlines()):
        pair = Pair(number, line.startswith("~"))
        for side, words in enumerate(line.removeprefix("~").split("|")):
            for word in dict.fromkeys(words.split()):
                found[word] = (*found.get(word, ()), (pair, side))
    return found


OPPOSITES = _read(_TABLE)
"""Case-folded word to the pairs it belongs to, each with the side it is on (0 or 1)."""
