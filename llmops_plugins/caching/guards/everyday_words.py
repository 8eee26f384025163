"""Common words of everyday English, by which words that are not among them are found to be rare."""

from __future__ import annotations

from llmops_plugins.caching.guards.reading import vocabulary

__all__ = ["EVERYDAY_WORDS"]

# Names of concrete kinds (animals, dishes, plants, materials, illnesses) are left out: such a word says what
# is meant, and another one in its place is another question.
EVERYDAY_WORDS = vocabulary("""
    able aboard about above abroad accept accident accidentally according across act action actual
    actually add adult advance advantage advice afford affordable afraid after afternoon afterward
    afterwards again against age ago agree ahead aim air alarm alike alive all allow allowance almost
    alone along aloud already alright also although altogether always amazing amid among amount ancient
    angry animal announce annoy annoying annual another answer anticipate any anybody anyhow anymore
    anyone anything anyway anywhere apart apartment apologise apologize apology appeal appear appearance
    area argue argument arise arm around arrange arrangement arrival arrive art artist asap aside ask
    asleep aspect assist assume attach attempt attend attention attract attractive autumn available
    average avoid await awake award aware away awful awkward baby back background bad bag bake balance
    ball ban band bar bare barely base basic basically basis basket bath bathroom be beach bear beat
    beautiful because become bed bedroom before begin beginner beginning behave behavior behaviour behind
    believe belong below belt bend beneath benefit beside besides best bet better between beyond big
    bigger bin bind birth birthday bit bite block blood board boat body boil book born borrow boss both
    bother bottle bottom bound bowl box boy brain brake branch brand break breakfast breath breathe bridge
    brief briefly bright bring bro broad broken brother brush btw build building bump bunch burn bus bust
    busy but buy buyer by cake call calm camera camp can cancel cap capable capital car card care careful
    carefully carry case cash catch cause cautious celebrate center central centre century certain
    certainly chain chair challenge chance change character charge chase chat cheap cheaper check child
    childhood chill choice choose chop church cinema circle circumstance citizen city claim clash class
    classic clean clear clearly clever climate climb clip clock close closely closer cloth clothe clothes
    clothing cloud club clue coach coast coat coin cold collect collection college color colour
    combination combine come comfort comfortable commit common commonly community company compare
    comparison competition complain complaint complete completely complicated comply compulsory conceal
    concept concern concert condition conduct confess confident confirm confuse confused confusing
    confusion connect connection consent consequence consider consist constant constantly consume
    consumption contain container content contest continue continuous contrast contribute control
    convenient conversation cook cool cope copy corner correct correctly cost couch could count country
    couple course court cover crack crash create creation creature crime crisis criteria criterion
    critical cross crowd cry culture cup curb cure curious current currently cut cycle daily damage damp
    dance danger dangerous dare dark date daughter dawn day daytime dead deal dear death debate decade
    decay decent decide decision decline deep deeper defeat defend define definite definitely definition
    degree delay deliver delivery demand deny department depend dependent deposit depth describe
    description deserve design desire desk despite destroy detail detect determine develop development
    device devote diary die diet differ difference different differently difficult difficulty dig dim
    dinner dip direct direction directly dirt dirty disagree disappear disappoint disaster discard
    discover discuss discussion dish dislike display dispute distance distinct distinction distinguish
    distribute divide do document dodge door double doubt down downside dozen drag drain draw drawing
    dream dress drink drive driver drop drunk dry dude due dull during dust duty each eager ear earlier
    early earn earth ease easier easily east easy eat edge educate education effect effective effort eg
    eight either elderly element eligible else elsewhere emerge emit emotion emotional employ empty enable
    encounter encourage end endure enemy energy enjoy enormous enough ensure entail enter entertain entire
    entirely entitle entrance entry environment equal equally equip equivalent escape especially essential
    establish etc even evening event eventually ever every everybody everyday everyone everything
    everywhere evidence exact exactly exam examine example exceed excellent except exception exchange
    excited exciting exclude excuse execute exercise exist existence exit expand expect expected expensive
    experience expert explain explanation explode explore express expression extend extra extract extreme
    extremely eye face facilitate fact factor fade fail failure fair fairly fall false familiar family
    famous famously fan fancy far fare farm farther fashion fast faster fat father fault favor favorite
    favour favourite fear feasible feature fee feed feel feeling fellow female fetch few fiction field
    fierce fifth fight figure fill film filter final finally find fine finger finish fire first fish fit
    fix flat flavor flavour flexible float floor flow flower fluctuate fluid fly focus fold folks follow
    following food foot for forbid force foreign foresee forever forget forgive form formal former forth
    fortnight fortunate forward found founder four fraction frame free freedom freely freeze frequent
    frequently fresh friend friendly friendship frighten from front fuel full fully fun function funny
    further future gain game gap garden gas gate gather general generally generation gentle genuine get
    giant gift girl give glad glance glass go goal god gonna good goodbye gotta govern government grab
    grade gradual gradually grandfather grandmother grandparent grasp grass grave great grip ground group
    grow growth guarantee guess guest guide guilty guy guys habit hair half hall halt hand handle hang
    happen happily happy hard hardly harm harmful harvest hat hate have head headache heal health healthy
    hear heart heat heavily heavy height hello help helpful hence here hesitate hey hi hidden hide high
    higher highly hill hint history hit hobby hold hole holiday home honest honestly hope hopefully
    horrible host hot hotel hour house household how however huge human humor humour hundred hungry hunt
    hurry hurt husband ice idea ideal ideally identical identify identity ie if ignore ill illness imagine
    immediate immediately impact imply importance important impose impossible impress impression improve
    in inch include including incorrect increase indeed independent indicate individual indoor inform
    inherit initial injure inner inside inspect inspire instead instruction intend intention interest
    interesting international interpret interrupt intervene into introduce introduction invent invention
    invest investigate invite involve isolate issue item jacket job join joint joke journey joy judge
    juice jump just justify keen keep key kick kid kill kind kinda kitchen knee knife knock know knowledge
    known lack ladder lady lake land language large largely last lasting late lately later laugh launch
    law lawyer lay layer lead leader leaf leak lean learn least leather leave lecture left leg legal lend
    length less lessen lesson let lets letter level library lie life lifetime lift light like likely limit
    line linger link lip liquid list listen little live lively living load local locate location lock lol
    lonely long look loose lose loss lost lot loud love lovely low lower luck lucky lunch machine mad
    madam magazine mail main mainly major majority make male man manage manner many map mark market
    marriage marry mass master match mate material matter maximum may maybe meal mean meaning means
    meanwhile measure measurement meat media medical medium meet meeting member memory mental mention
    merely mess message metal method middle might mild mile mimic mind mine minimise minimize minimum
    minor minute mislead miss missing mistake mix mixed mixture mobile moment money month monthly mood
    moon moral more morning most mostly mother motion mount mountain mouth move movement movie much
    multiple murder museum music must mystery name namely narrow nation national natural naturally nature
    near nearby nearest nearly neat necessarily necessary neck need negative neighbor neighbour neither
    nervous never nevertheless new news newspaper next nice night nobody noise noisy none nor normal
    normally north nose not note nothing notice notion novel now nowadays nowhere number numerous obey
    object obtain obvious obviously occasion occasionally occupy occur ocean odd odds off offer office
    often oil ok okay old older omit on once one ones ongoing only onto open opening opinion opportunity
    opposite opt option or orange order ordinary organ origin original originally other otherwise ought
    out outcome outdoor outer outside over overall overcome overlook overnight overview owe owing own
    owner pace pack package page pain painful paint pair pale pan panic paper parent park part partial
    particular particularly partly partner party pass passage passenger past path patience patient pattern
    pause pay peace peak people pepper per perceive perfect perfectly perform perhaps period permanent
    permission permit persist person personal personality personally pet phase phone photo photograph
    phrase physical pick picture piece pile pipe place plain plan planet plant plate play player pleasant
    please pleasure plenty pls plus plz pocket poem point police polite political pool poor popular
    population position positive possess possibility possible possibly post pot potential pour powder
    power powerful practical practice practise praise pray precise precisely prefer preference pregnant
    prepare prescribe presence present preserve press pressure presume pretend pretty prevent previous
    previously price pride primarily primary prince print prior private prize probability probable
    probably problem procedure proceed process produce profession professional progress prohibit prolong
    promise promote prompt proof proper properly property propose protect protection proud prove provide
    provoke public pull punish pupil pure purple purpose pursue push put quality quantity quarter question
    quick quickly quiet quietly quit quite race radio rain raise range rapid rapidly rare rarely rate
    rather raw reach react reaction read reader reading ready real realise realistic reality realize
    really reason reasonable reasonably reassure recall receive recent recently recipe recognise recognize
    recommend recommendation record recover red reduce reduction refer reference refine reflect refuse
    regain regard regardless region regret regular regularly regulate reject relate relation relationship
    relative relatively relax release relevant relief religion religious rely remain remaining remark
    remedy remember remind remote remove render rent repair repeat replace replacement reply report
    represent require requirement rescue research resemble reserve resist resolve respect respond response
    responsible rest restaurant restore restrict result retain retire return reveal review reward rich rid
    ride right ring rise risk river road rock role roll romantic roof room root rope rotate rough roughly
    round route row royal rub rubbish rude ruin rule run rush sad safe safely safety sail sake sale salt
    same sand satisfy save say scale scared scary scene school science scientific scientist scope scratch
    scream screen sea seal search season seat second secret section secure see seed seek seem seldom
    select self sell send sense sensible sensitive sentence separate separately series serious seriously
    serve set setting settle several severe shadow shake shall shame shape share sharp sheet shelf shelter
    shine ship shirt shock shoe shoot shop short shortly should shoulder shout show shower shrink shut shy
    sick side sight sign significance significant silence silent silly similar similarly simple simply
    since sing single sir sister sit site situation size skill skin skip sky sleep slice slight slightly
    slip slow slowly small smart smell smile smoke smooth so soak soap social society soft soil solid
    solution solve some somebody somehow someone something sometimes somewhat somewhere son song soon
    sorry sort soul sound source south space spare speak special specific specifically speech speed spell
    spend spill spin spirit split spoil spoken spoon sport spot spread spring square stable staff stage
    stair stand standard star start state station stay steady steal steam steel stem step stick still
    stomach stone stop storage store storm story straight strange stranger street strength stress stretch
    strict strike string strip strive strong struggle student study stuff stupid style subject subsequent
    substance succeed success successful such sudden suddenly suffer suffice sufficient sufficiently sugar
    suggest suggestion suit suitable summer sun sunny supply support suppose suppress sure surely surface
    surprise surprised surprising surround survive suspect sustain swallow swap swear sweet swim swimming
    swing switch symptom table tackle tail take tale talent talk tall tap taste teach teacher team tear
    teenager tell temperature temporary ten tend tendency tense term terrible terrify test text than thank
    thanks that theater theatre then theory there therefore thick thin thing think thirsty thorough though
    thought thousand thread threat threaten three throat through throughout throw thus thx ticket tidy tie
    tight till time tiny tip tired tissue title to today together toilet tolerate tomorrow tone tongue
    tonight too tool tooth top topic total totally touch tough tour tourist toward towards town toy trace
    track trade tradition traditional traffic train transform trap travel traveler traveller treat
    treatment tree trial trick trigger trip trouble true truly trust truth try tune turn twice twin two
    type typical typically ugly unable uncle under undergo understand understanding undertake unexpected
    unfair unfortunately unhappy uniform union unique unit universe university unknown unless unlike
    unlikely until unusual up upon upper upset upstairs urge urgent use used useful useless user usual
    usually utter vacation valuable value vanish variety various vary vast vehicle verse version versus
    very via victim view village violent visit visitor vital voice volume vote vs wait wake walk wall
    wander wanna want war warm warn warning wash waste watch water wave way weak weakness wealth weapon
    wear weather wed wedding week weekend weekly weigh weight weird welcome well west wet what whatever
    wheel when whenever where whereas wherever whether which while whilst whisper white who whole wholly
    whose why wide widely width wife wild will willing win wind window wine winner winter wipe wise wish
    with withdraw within without withstand woman wonder wonderful wood wooden word work worker world worry
    worse worst worth would wound wrap write writer writing wrong yard yeah year yes yesterday yet yield
    yo young youth zero zone
""")
