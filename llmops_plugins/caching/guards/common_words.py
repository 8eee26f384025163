"""Words that say nothing of a name although they may be written with a capital."""

from __future__ import annotations

from llmops_plugins.caching.guards.reading import vocabulary

__all__ = ["AMBIGUOUS_NAMES", "COMMON_WORDS"]

COMMON_WORDS = vocabulary("""
        a an the this that these those my your his her its our their i you he she it we they me him us them
    who whom
    whose what which when where why how is are was were be been being am do does did done doing have has had
    having can could will would shall should may might must not no yes and or but if then else than so because
    as at by for from in into of off on onto out over to under up with about after before between during
    through until without within all any both each every few more most other some such only own same too very
    just also again ever never always now here there once please thanks hi hello dear hey ok okay sir madam
    explain describe tell give list show name find compare define suggest recommend help let say write make
    get want need know think understand learn looking trying wondering question questions answer apart besides
        according given since although though while whether unless despite either neither nor one two three
    someone
    anyone everyone something anything everything people person man woman men women is isn't aren't don't
    doesn't didn't can't couldn't won't wouldn't shouldn't hasn't haven't i'm i've i'd i'll what's who's how's
    where's when's why's that's it's there's let's you're we're they're faq faqs ps btw fyi asap etc eg ie vs
    mr mrs ms dr prof id ids am pm ad bc urgent quick good bad best worst better new old help is-there seems
    add remove change update cancel delete create set reset open close start stop enable disable turn return
    order buy sell pay send check track use using move convert translate calculate solve summarize summarise
    install uninstall run fix debug generate provide determine choose pick share discuss suppose imagine
    guide steps step way ways tips advice difference differences reason reasons problem issue error meaning
        cost price pricing review reviews policy delivery refund refunds shipping customer customers service
    support
    account accounts password email e-mail address number phone website app online internet world life time
    engineering engineer university college school company government country state city bank law science
        technology computer pc web earth god article amendment software programming language history movie
    film book song game job work business api apis ip ips url urls app apps browser ui
    """)

AMBIGUOUS_NAMES = vocabulary("""
    us la sf turkey
    washington latin mars venus phoenix florence colombo turin porto lima goa perth valencia everest
        excel spark eclipse notion slack zoom chase citi zip tar rest soap lambda scala rails flask conda
    poetry yarn
        puma express intel oracle windows excel fiat jaguar focus atlas latex canon ford lua vim bash fish
    iris maven
    twitch signal stripe blender nautical conda steam bing dell hp lg ola wise meta git kia upsc mit cat mango
        english christian saturn mercury amazon target shell pip wix jira asana hulu mobile vivo brave sap
    rar portland
    phoenix orlando dallas austin virginia nice reading bath lyon lyons pacific polish swiss delta emirates
    cambridge oxford yahoo gap ants kiwi thai
    """)
"""Names that are also other words in lower case: there they count only where a name has taken their place."""
