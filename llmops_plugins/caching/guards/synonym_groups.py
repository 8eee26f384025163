"""Groups of words that may stand for each other, as text."""

from __future__ import annotations

__all__ = ["GROUPS"]

# One group between bars. A word may be in several: what it shares with one is not shared with the other.
GROUPS = """
able capable | above over exceeding | acceptance accept | access permission entry | access reach |
accessible available reachable | accident crash | account profile | accountant bookkeeper | accurate exact
precise | activate enable | actor star | add include insert | address location | admin administrator |
admission entry | admit accept | advantage plus | advice guidance recommendation tip | advisable
recommended | affect influence impact | afraid scared frightened | agree consent | agreement deal accord
treaty | aid assist help support | airport terminal | alert warning | alive living | allow enable |
allowed permitted legal | alter change edit modify amend adjust update | always constantly | amount
allowance | amount quantity sum | analyse analyze analysis | ancient old | angry mad | animal creature |
annual yearly | annual yearly annually | app application program software tool | applicant candidate |
apply application | apply request submit | appointment booking | approximate rough | approximately about
roughly around | archive zip compress | area place spot | area region zone | argue argument | argument
reason | army military | around near | arrange organise organize schedule plan | arrive arrival | arrive
come | arrive delivered | ask question | ask request inquire enquire | assistant helper | attach connect
join link | attack assault | attribute feature | audio sound | author writer wrote | auto automatic |
automatic automatically automated | average mean typical | baby infant newborn | backup copy | bad poor |
bake cook | bakery baker | ban block bar | ban prohibit | band group | barber hairdresser | basic simple
fundamental | bathroom washroom | beach coast seaside | bear birth | beat defeat | begin beginning start
onset | begin originate | begin start commence launch | behave behaviour behavior | behaviour behavior
conduct | believe belief | belly stomach abdomen | below under beneath | benefit advantage perk | benefit
good | benefit pro | big large huge | bike bicycle cycle | bill invoice | bill statement | bin can | bin
trash rubbish garbage waste | bird fowl | birth born | bleed bleeding | block deny | blood bleeding | boil
boiling | bold strong | bone skeleton | book booking reservation | book novel | boot startup | border
frontier | boss chief head | boss manager supervisor | brain mind | breach violation | break crack damage
| breed type | brief short concise | bright light | bring fetch | broken defective faulty damaged |
browser web | budget spending | bug error fault issue problem | build building construct | build built
construct make made create produce craft form | build construction | building construction | bulb light |
burn fire | business company firm | button key | buy purchase get order | calculate compute work |
calculation computation | call name | call phone ring | call telephone | called named | calm relaxed |
camp camping | cancel cancellation call | car vehicle auto automobile | carry transport | casual informal
| catch get | catch grab | cause make | cause reason trigger | cell mobile | certain particular specific |
certificate certification | certify certification | champion winner | chance probability likelihood odds |
channel station | character letter | charge fee cost | chat conversation | cheap inexpensive affordable |
check verification | check verify inspect confirm examine review | chef cook | chemical substance | child
children kid kids | choice selection | choose choice | choose pick select | circle round | city town |
claim request | class course lesson | clause provision | clean tidy | clean wash | cleaner cleaning |
clear empty | clear obvious | click tap | climb climbing | close exit | close near closest nearest | close
shut | cloth fabric | clothes clothing garment | coach trainer manager | coat jacket | code snippet script
| colleague coworker | colleague teammate coworker | collect gather | collision crash | color colour |
colored coloured | column field | combine mix blend | come originate | command instruction | common
frequent usual typical | compare comparison | complete finish finalise finalize | composed consists made |
composition make | comprehension understanding | compulsory mandatory required obligatory necessary |
computer laptop pc desktop | computer machine pc | concert gig show | condition terms | config
configuration | configure set | confirm confirmation | confirmation proof | connect connection | consist
contain comprise | consume consumption | contact reach | continue carry | continue proceed | contract
agreement | conversation talk | convert turn transform | cook cooking | copy duplicate clone | correct
right accurate proper | cost price | couch sofa | count number | count tally | country nation | coupon
voucher | course module | court tribunal | crack cracked | crash die | crash freeze | create creation |
create invent | create make generate produce | crew staff | crime offence offense | crowded busy |
cupboard closet wardrobe | cure treat remedy treatment | currently now presently | curtain drape | custom
customised customized | customer client | customise customize personalise personalize | cut slice | cut
trim | cv resume | daily day everyday | damage damaged | damage harm | dance dancing | danger risk hazard
| dangerous hazardous risky unsafe | dark dim | data information info | dead died | deadline cutoff |
deadly lethal fatal | deal offer | death dead | decide decision | decide determine | decision choice |
decline fall | decrease drop fall | decrease reduce lower | deep depth | default standard | defect flaw |
defend protect | define definition | degree diploma qualification | delay lag latency | delay postpone |
delete deletion removal | delete erase remove | deliver delivery | deliver ship | delivery shipment
shipping | demand need | demand require | dentist orthodontist | deny refuse | depart departure leave |
depend dependent | deprecated obsolete | describe description | describe explain outline | detail
information info | detect find identify spot | develop create build | device gadget | die dead | die death
| diet eating | differ vary | difference distinction | difficult complicated complex | difficult hard
tough | difficulty trouble | dig excavate | directory folder | dirty filthy | disadvantage drawback
downside | disappear vanish | discount rebate reduction | discount reduction | discover discovery find |
discover found | discuss talk | discussion talk | disease illness condition disorder | disease illness
sickness | dish meal | display show | divide share | doctor physician gp | document documentation |
document file paper | documentation docs | doll toy | dose dosage | double twice | download fetch |
download get | draw sketch | drawback downside con | drawing sketch | dream dreaming | dress outfit |
drink beverage | drink drinking | drive driving | drive move travel go | driver motorist | drop decline |
drug medication medicine | dry arid | due owed | duplicate repeat | duty tariff | each every per | ear
hearing | early soon | earn earnings income | earn make | earth world | easy straightforward | eat consume
| economics economy | economy economic | edible eaten | edit editing | effect impact influence | effect
result | effective useful | efficient effective | elderly senior old | elect election | election vote |
electric electrical | electrician electrical | eligible entitled qualify | email mail | emergency urgent |
employ employment | employee headcount | employee staff worker personnel | encrypt encode | end ending
finish | end finish | enjoy like | enlarge magnify expand | enrol enroll join register | enrolment
enrollment registration | ensure guarantee | entire full complete | equal same | equation formula | erase
wipe | error fault mistake | escape flee | essay paper | essential necessary vital crucial | establish set
| estimate guess | evaluate assess | evaluate evaluation | evaluate rate | evaporate vaporise | exam test
quiz | exchange swap | exchange trade | exercise workout train training | exit leave quit | expect
anticipate | expense cost | expire end lapse | expiry expiration | explain clarify describe | explain
explanation | explanation reason | express convert | extra additional | extra additional further more |
eye vision | factory plant | fail crash | fail failure | failure fault | fake counterfeit | fall autumn |
famous known renowned celebrated | fare price | farm farming agriculture | farmer grower | fast quick
rapid | fast quick rapid speedy | fasten secure | father dad | fault defect | favorite favourite | feature
function functionality | fee charge cost price | feel feeling | feeling emotion | fetch retrieve get |
field property | fight battle | figure statistic | figures numbers data | files documents | film movie |
film record | filter narrow | fine penalty | fire blaze | fire dismiss | first initial | fish fishing |
fix repair resolve solve mend correct | flat apartment | flat apartment unit | flaw fault | flee run |
flight plane | floor storey level | flow pass run | flower blossom bloom | fly flight | fly flying | font
typeface | food cuisine dish | foot feet | football soccer | force make | foreign overseas | forest woods
| forever permanently indefinitely | forget forgot forgotten | form define | former previous ex | formula
expression | found establish founded | founder creator | free complimentary | freeze freezing | freeze
hang | fridge refrigerator | friend buddy pal mate | frozen freeze | fry cook | function method | function
procedure | funeral burial | funny humorous | furniture furnishings | game match | garage parking | garden
yard | gardening garden | gas petrol | gas vapor vapour | get obtain receive acquire | give provide supply
| go head travel | goal aim objective purpose | govern government | government administration | graduate
graduation | grave tomb | gravity gravitation | group cluster | grow grown | grow growth | growth increase
| guest visitor | guide instructions | guide tutorial manual | guilty convicted | hack breach | hair
haircut | half semi | hand hands | hang stuck | happen occur | happy glad pleased | hate dislike | head
leader director | heal recover cure | hear hearing | heart cardiac | heat warm | heat warmth | heavy
weighty | help assistance | helpful handy | hidden concealed invisible | hide conceal | high elevation
height tall | hike hiking | hire recruit employ | history log | history past | hit strike | hold grip |
holiday break vacation | holiday vacation | home house | homework assignment | hope wish | hotel
accommodation | hotel lodging accommodation | hourly hour | house home residence | human people | human
person | hunt hunting | hurry rush | hurt injure pain ache | icon symbol | idea suggestion | identify
recognise recognize | illegal unlawful prohibited forbidden banned | image pic | image picture photo |
immediately instantly straightaway | important crucial essential key | impossible unfeasible | improve
enhance better boost | improve improvement | improvement better | include cover contain | increase raise |
increase rise | industry sector | infection illness | inform notify tell | ingredient component | injury
wound | insect bug | inspect inspection | instal install | install installation setup | instructions
directions | insurance cover coverage | insure cover | insured covered | invalid expired | invent
invention discover | invented invent | inventor creator | invest investment | investigate investigation |
jail prison | jewelry jewellery | job employment occupation profession career | job position | join enter
| judge justice | jump leap | jumper sweater | keep hold store retain | keep maintain | keyboard keys |
kids youngsters children | kill stop terminate | king monarch ruler | know knowledge | knowledge info |
known called | lack lacking without missing | landlord owner | language tongue | large larger big bigger |
last final | late delayed overdue | lately recently | latest newest recent | launch start run | law
legislation statute | lawn grass | lawsuit case suit | lawyer attorney solicitor | lawyer lawyers | lead
cause | lead leading | leader president head | leak leaking drip | learn learning | learn study | legal
law | legal lawful | lend loan | lesson class lecture | letter mail | letter symbol | library lending |
licence license permit | life live | lifespan life | lift elevator | limit cap maximum restriction | link
hyperlink | link url | liquid fluid | list array | list enumerate | list show | little small tiny | live
inhabit | live reside | load open | loan credit borrow | local nearby | locate find | log sign | login
logon | login signin | long length lengthy | look appear seem | look search | lose misplace | loss losses
deficit | lot lots many much plenty | loud noisy | love adore | love like | luggage bag baggage | luggage
baggage | mail message | main primary principal chief | maintenance upkeep | major main | man male
gentleman | manage handle | manual handbook guide | manufacture make produce | manufacturer maker producer
| mark grade | material fabric | math maths mathematics | matter significance importance | maximum max
most highest | meal dish food | mean meaning | mean signify | meaning definition | meaning sense | measure
gauge | measure measurement | measurements dimension size | meeting appointment | meeting call conference
| melt melting | memory recall | menu list | merge combine join | message text | metal metallic | method
way approach technique | minimum least | minimum min lowest | mix blend stir | modern contemporary current
| money cash | monitor track | month monthly | moon lunar | more over | morning dawn | mother mum mom |
motorbike motorcycle | motorway highway freeway | mouse pointer | move migrate transfer relocate | movie
cinema | multiply times | must have | name called | name title | near nearby | nearby around | nearly
almost | necessary needed required | need must | need require want | neighbor neighbour | neighbour
resident | new fresh | new newly | newly recently | next following | nice good | nightly night | normal
ordinary | normal usual typical regular | notice notification | notification alert | notify alert | novel
story | number figure digit | nurse caregiver | nursery daycare | observe watch | obstacle barrier | offer
propose | offer provide | official formal | often frequently regularly | old age aged | old former | on
upon | only solely just | open launch | opinion view | optimise optimize improve | option choice
alternative possibility | orbit circle | origin beginning | origin source | original first | originate
origin | outcome result | outdated obsolete old | overseas abroad | overview summary outline | owe due |
owner holder | package parcel | pain ache sore | paint painting | paint repaint | pants trousers |
parameter argument | parking park | part piece component portion | party group | password passcode
passphrase | past after | paste insert | pay cost charge | pay payment paid | pay settle | payable due |
payment transaction | pension retirement | people person | people persons individuals | perform do execute
run | perform performance | performance show | period duration | permission access right | permission
consent | permit allow let | pet animal | phone mobile cellphone smartphone | photo pic | photograph
photography | pic picture | pill tablet | place put spot | plan subscription | plane aircraft | plant grow
| platform service | platform track | play perform | player athlete | plug socket outlet | plumber
plumbing | poem verse | poisonous toxic venomous | police cops | police officer | policy rule | politics
political | popular common | population inhabitants people | possible feasible | post mail | postpone
defer delay | potato spud | power electricity energy | practice practise exercise | prefer favour favor
like | pregnant expecting | prepare make cook | prescription script | present current | present gift |
press push click hit | prevent avoid stop | prevention prevent | previous earlier | previous last prior |
pricey expensive costly dear | print output | print printout | printer print | prior earlier | private
confidential | private personal | pro advantage | problem issue trouble | procedure process steps |
produce production | product goods | product item article | production output | prohibit forbid | promise
guarantee | pronounce say | pronunciation pronounce | proof evidence | property attribute | propose
suggest | protect guard secure | protect protection | protection safety | prove proof | public open |
publish release | pull drag | pupil student | purchase buy acquisition | put insert place | qualify
qualified | quarterly quarter | query search | question query | queue line | quit close exit | quit stop |
quote cite | race run | rain rainfall | raise lift | rank ranking | rare uncommon scarce | rarely seldom |
rate rank | rate speed | rating score | raw uncooked | react reaction respond | read reading | real actual
genuine authentic | rear back | reason why | reboot restart | receipt proof | receive reception | recent
latest new | recipe instructions | recipe way | recommend suggest advise | recommended suggested | record
history | record log | recover restore retrieve | refund reimburse | refund reimbursement | refusal refuse
| register registration sign enrol enroll | regulation rule law | reimburse repay | reject decline refuse
| relation relationship link connection | relax rest | release launch | rely depend | remember memorise
memorize | remember recall | remove removal | rename name | rename retitle | renew extend | renew renewal
| rent lease | rent rental lease | renter tenant | repairs fixing | replace substitute swap exchange |
reply answer respond response | report statement | requirement condition | requirement need | rescue save
| research investigate | reserve book | reserve reservation booking | resident inhabitant | resign quit
leave | resignation notice | restart reset | restaurant eatery | result cause | resume continue | retire
retirement | retrieve get obtain | return back | return send | reveal show | reverse undo | revert undo
rollback | ride riding | ride trip | ring band | rise go | role job | room accommodation | rug carpet |
rule govern | run running | sad unhappy | safe secure harmless | sail sailing | salary pay wage | sale
deal | sample example | save store keep | say tell state | scan scanner | scare frighten | schedule
timetable | schedule timetable calendar | scholarship grant | school schooling | score goal | score mark
grade result | screen display monitor | screenshot screengrab | search find | search lookup | seat place |
secret confidential | section part | security safety | see sight | see view | select selection | sell sale
| sell vend | send mail | send sending ship | separate distinct | setting option preference configuration
| setting preferences | settings preferences options | setup configure | several multiple numerous | ship
shipping | shipping postage | shirt top | shoe footwear | shop shopping store | shop store | show
demonstrate | show display present | shrink reduce | shutdown close | sick ill unwell | sign signature |
sign symptom indication | signer signatory | silent quiet | similar alike comparable | simple easy | sing
sang singer song | sing singing | singer vocalist | site web | site website page | situated located | ski
skiing | skin complexion | sleep asleep | sleep rest | sleepy tired | slice piece | slipped herniated |
slow lag | slow sluggish laggy | small smaller little | smart clever intelligent | smoke smoking | sneaker
trainer | snow snowfall | sofa couch settee | soil earth ground | sold sell sale | soldier troop | solid
firm | solution answer | solve solution fix | someone person somebody anyone anybody | sometimes
occasionally | song track | soon shortly | sort order arrange | sort type kind category | sound noise |
sound volume | space cosmos | spam junk | speak speech | speak talk | species kind | speech talk | speed
velocity | spell spelling | spend spending | spicy hot | split divide separate | spoil rot expire | spouse
partner | stage phase step | stairs steps | stamp validate | start boot | station stop | stay keep | stay
lodging | stay remain | steal rob | stop halt end cease | story tale | strange odd weird unusual | street
road | stress anxiety | string text | strong powerful sturdy | stuck frozen | study research | study
studying | subject topic | subscription membership plan | substance material | subtract minus | subway
underground metro tube | succeed success | successful succeed | sue prosecute | sufficient enough adequate
| suggestion proposal | suitable appropriate fit right | suitcase bag | sum add | summarise summarize
condense | summary overview | sun solar | sunny clear | support assistance | surgery operation | sweet
sugary | sweets candy | swim bathe | swim swimming | switch change | tab worksheet sheet | table chart |
take accept | take carry bring | talk chat | tap faucet | tap touch | task job | taste flavor flavour |
tax duty | tax levy | taxation tax | teach instruct | teach teaching | teacher instructor tutor professor
| team group crew squad | team side | tear rip | teenager teen adolescent | telephone phone mobile
smartphone | temperature heat | tenant occupant | tenant renter lodger | terminate end cancel | test check
exam examination | test try | testify testimony | text message sms | text words | theft stealing | thick
dense | thin slim | thing item | think thought believe | threat danger | throw toss | ticket booking |
ticket pass | times sessions | tired exhausted fatigue | toilet bathroom restroom loo | tooth teeth dental
| total overall entire whole | total sum overall | tourist visitor traveller traveler | tournament
competition contest | toy plaything | track follow trace | trade swap | translate render | translate
translation | transmit send transfer | transport move | transport transportation | travel trip journey |
tree plant | trim shorten crop | trip journey | trip tour | truck lorry | true correct right | trust rely
| try attempt | tuition fee | turn switch | tutorial lesson | tv television telly | ultimate final |
understand comprehend | understand grasp | undo revert | universe cosmos | university college | university
uni college | until til till | upload send | urgency urgent | urgent pressing | url address | usage
consumption use | use utilise utilize employ | useful helpful | user account | user member | username
login | uses needs requires | usually normally typically generally commonly | vaccine vaccination jab shot
| valid validity | validate check | value worth | variable parameter | verify verification | version
release edition | video clip | video film | view look | visible shown | vision sight | visit see | voice
audio | volume loudness | vote ballot | wait hold | waiter server | wake awake | walk hike | walk walking
| war conflict | warn alert | warning caution | warranty guarantee | watch clock | watch see | watch view
| weak feeble | weakness flaw | weapon arm | wear dress | wear use | weather forecast climate | website
webpage | wed marry | wedding marriage | weekly week | weigh weight | weight mass | wet damp moist |
whether if | whole entire complete | wide width broad | wifi wlan | win victory won | winner victor | wire
cable lead | wish want | without no | woman lady female | word term | work function operate | work job |
worker labourer | world globe | worry concern | worse worsen | wound cut | write writing | write wrote
author compose draft | written write | wrong incorrect | wrong incorrect false mistaken | zip postcode |
rainfall precipitation | lacking no without | consumption burn burned | shorten condense | develop change
evolve | stroller pushchair pram buggy | chemical chemistry | alone solo | absorb take taken | courier
rider | unblock unclog clear | clip trim | nails claws | somatic body | infect contagious infectious |
nutritious nutrients nutrition | vaccination vaccine shot jab | mock fake | precipitation rain | eggplant
aubergine | zucchini courgette | cilantro coriander | arugula rocket | diaper nappy | pacifier dummy |
stove cooker hob | flashlight torch | cookie biscuit | fries chips | crib cot | eraser rubber | sidewalk
pavement | trunk boot | hood bonnet | windshield windscreen | gasoline petrol | antenna aerial | billfold
wallet | realtor agent | attorney lawyer | physician doctor | pediatrician paediatrician | gynecologist
gynaecologist | anaemia anemia | pharmacist chemist | relegated demoted
"""
