"""Cities, regions and other places that are no country, as names in lower case too."""

from __future__ import annotations

__all__ = ["CITIES"]

# One place a line, as for countries.
CITIES = """
nyc new_york new_york_city
la los_angeles
sf san_francisco
washington
chicago
boston
seattle
miami
dallas
houston
austin
denver
atlanta
philadelphia
las_vegas vegas
detroit
portland
orlando
phoenix
san_diego
san_jose
new_orleans
nashville
baltimore
pittsburgh
minneapolis
toronto
vancouver
montreal
ottawa
calgary
mexico_city
london
manchester
liverpool
birmingham
edinburgh
glasgow
dublin
belfast
paris
lyon
marseille
berlin
munich
hamburg
frankfurt
cologne
stuttgart
vienna
zurich
geneva
madrid
barcelona
seville
valencia
lisbon
porto
rome
milan
venice
florence
naples
turin
amsterdam
rotterdam
brussels
antwerp
copenhagen
stockholm
oslo
helsinki
reykjavik
warsaw
krakow
prague
budapest
bucharest
athens
istanbul
ankara
moscow
petersburg
kiev kyiv
cairo
dubai
abu_dhabi
doha
riyadh
tehran
baghdad
jerusalem
tel_aviv
mumbai bombay
delhi new_delhi
bangalore bengaluru
chennai madras
kolkata calcutta
hyderabad
pune
ahmedabad
jaipur
goa
noida
gurgaon
lucknow
karachi
lahore
islamabad
dhaka
colombo
kathmandu
bangkok
phuket
hanoi
saigon
kuala_lumpur
jakarta
bali
manila
beijing
shanghai
shenzhen
guangzhou
taipei
seoul
busan
tokyo
osaka
kyoto
sydney
melbourne
brisbane
perth
auckland
nairobi
lagos
johannesburg
cape_town
casablanca
marrakech
lima
bogota
santiago
buenos_aires
rio_de_janeiro
sao_paulo
havana
honolulu
california californian
texas texan
florida
ohio
michigan
arizona
colorado
nevada
oregon
utah
alaska
hawaii
illinois
pennsylvania
massachusetts
new_jersey
north_carolina
south_carolina
virginia
tennessee
kentucky
alabama
louisiana
missouri
wisconsin
minnesota
oklahoma
kansas
iowa
ontario
quebec
british_columbia
alberta
queensland
bavaria
catalonia
sicily
tuscany
kerala
gujarat
punjab
bihar
maharashtra
rajasthan
karnataka
tamil_nadu
heathrow lhr
gatwick lgw
jfk
lax
mars
venus
jupiter
saturn
uranus
neptune
pluto
everest
kilimanjaro
atlantic
pacific
mediterranean
amazon_river
nile
danube
himalayas
andes
alps
"""
"""Lines of names of one place each; the first name is what it is compared under."""
