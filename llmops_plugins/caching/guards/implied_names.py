"""Names that go without saying beside other words: the US beside Texas, Python beside pip."""

from __future__ import annotations

__all__ = ["IMPLIED_BY"]

# One name a line, as it is compared under, and the words that leave no doubt of it.
_TABLE = """
usa: texas texan california florida ohio michigan arizona colorado nevada oregon utah alaska hawaii \
illinois pennsylvania massachusetts virginia tennessee kentucky alabama louisiana missouri wisconsin \
minnesota oklahoma kansas iowa chicago boston seattle nyc washington dollar dollars usd federal \
president congress senate irs fafsa 401k trump obama hillary clinton
uk: england scotland wales london sterling gbp nhs hmrc
england: english uk
india: rupee rupees inr modi rbi lakh lakhs crore crores delhi mumbai bangalore bengaluru chennai \
kolkata hyderabad pune kashmir bjp upsc ias aadhaar ssc gst
europe: eu european turkey
eu: europe european euro euros vat
germany: german berlin munich hamburg frankfurt
france: french paris lyon
italy: italian rome milan
spain: spanish madrid barcelona
japan: japanese tokyo osaka yen
china: chinese beijing shanghai yuan
canada: canadian toronto vancouver montreal ottawa ontario quebec
australia: australian sydney melbourne
new zealand: wellington auckland
turkey: turkish istanbul ankara
english: england british
earth: world planet globe
sun: sunlight sunshine solar
python: pip modulenotfounderror django flask pandas numpy pytorch tensorflow pytest conda
javascript: npm node nodejs react angular vue typescript
java: maven gradle spring jvm
css: flexbox div stylesheet html
html: div css
http: post get api https url
sql: postgres mysql sqlite select
excel: spreadsheet spreadsheets vlookup xlsx
wifi: wireless internet online router hotspot
macos: mac macbook imac
windows: microsoft powershell
google: googling googled search
facebook: fb messenger
kubernetes: pod pods kubectl helm
docker: container containers dockerfile
git: rebase commit commits branch github
aws: lambda ec2 s3
"""


def _read(table: str) -> dict[str, frozenset[str]]:
    lines = (line.split(":") for line in table.strip().splitlines())
    return {name: frozenset(words.split()) for name, words in lines}


IMPLIED_BY = _read(_TABLE)
"""What a name is compared under, to the case-folded words of which one implies it."""
