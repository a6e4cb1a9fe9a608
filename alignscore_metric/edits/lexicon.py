"""Small word lists for synthetic pairs, written for this project. Data only.

A slash separates partners, a blank separates groups, `_` stands for a space inside a phrase.
"""

from __future__ import annotations


def _both_ways(groups: str) -> dict[str, list[str]]:
    """`a/b c/d` -> each word with its partners, in both directions."""
    table: dict[str, list[str]] = {}
    for group in groups.split():
        words = [w.replace("_", " ") for w in group.split("/")]
        for word in words:
            partners = table.setdefault(word, [])
            partners.extend(w for w in words if w != word and w not in partners)
    return table


def _one_way(pairs: str) -> dict[str, list[str]]:
    """`a/b a/c` -> each first word with its partners."""
    table: dict[str, list[str]] = {}
    for pair in pairs.split():
        first, *others = (w.replace("_", " ") for w in pair.split("/"))
        table.setdefault(first, []).extend(others)
    return table


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ANTONYMS = _both_ways(
    """
    rose/fell rise/fall rising/falling rises/falls increase/decrease increased/decreased
    increases/decreases increasing/decreasing more/less more/fewer most/least higher/lower
    high/low highest/lowest first/last early/late earlier/later
    won/lost win/lose wins/loses winning/losing winner/loser victory/defeat success/failure
    successful/unsuccessful succeeded/failed accepted/rejected accept/reject agreed/refused
    agree/disagree approved/rejected approve/reject supported/opposed support/oppose
    supports/opposes supporters/opponents confirmed/denied confirm/deny confirms/denies
    admitted/denied allowed/banned allow/ban legal/illegal guilty/innocent convicted/acquitted
    arrested/released alive/dead survived/died born/died start/end started/ended starts/ends
    began/ended beginning/end opened/closed open/closed opening/closing best/worst better/worse
    good/bad strong/weak stronger/weaker large/small larger/smaller largest/smallest big/small
    bigger/smaller biggest/smallest long/short longer/shorter old/young older/younger
    oldest/youngest old/new newest/oldest north/south northern/southern east/west eastern/western
    left/right expensive/cheap rich/poor richer/poorer gained/lost gain/lose gains/losses
    profit/loss profits/losses easy/difficult easier/harder hard/easy safe/dangerous hot/cold
    warm/cool wet/dry fast/slow faster/slower quickly/slowly everyone/nobody everything/nothing
    indoor/outdoor public/private domestic/foreign national/local international/domestic
    positive/negative male/female man/woman men/women boy/girl boys/girls king/queen mr/mrs
    up/down together/alone same/different possible/impossible likely/unlikely able/unable
    happy/unhappy healthy/sick true/false right/wrong correct/incorrect full/empty heavy/light
    deep/shallow wide/narrow major/minor maximum/minimum majority/minority permanent/temporary
    simple/complex include/exclude includes/excludes included/excluded improved/worsened
    improve/worsen grew/shrank grow/shrink growing/shrinking growth/decline expanded/shrank
    created/destroyed built/demolished build/demolish remembered/forgot remember/forget
    loved/hated love/hate likes/dislikes doctor/patient hired/fired appointed/dismissed
    promoted/demoted encouraged/discouraged encourage/discourage praised/criticised
    praised/criticized praise/criticism welcomed/condemned welcome/condemn raised/lowered
    raise/lower raises/cuts raise/cut attack/defend attacked/defended morning/evening day/night
    half/double twice/once double/half lead/trail leads/trails ahead/behind near/far
    inside/outside above/below top/bottom front/back backed/opposed backing/opposing
    defended/criticised optimistic/pessimistic confident/doubtful popular/unpopular
    famous/unknown rare/common active/inactive official/unofficial formal/informal
    strengthened/weakened strengthen/weaken accelerated/slowed boost/damage boosted/damaged
    recovered/worsened recovery/collapse peace/war friend/enemy friends/enemies ally/rival
    allies/rivals truth/lie innocence/guilt strength/weakness advantage/disadvantage
    permitted/forbidden legalised/banned acceptable/unacceptable fair/unfair honest/dishonest
    known/unknown expected/unexpected necessary/unnecessary important/unimportant
    useful/useless interested/uninterested satisfied/dissatisfied pleased/disappointed
    increasingly/decreasingly upper/lower senior/junior urban/rural modern/ancient
    cleared/charged suspended/reinstated delayed/hastened postponed/brought_forward
    extended/shortened widened/narrowed doubled/halved tightened/relaxed broke/kept
    hit/missed scored/conceded saved/wasted found/lost entered/left arrived/departed
    arrive/depart arrival/departure loose/tight noisy/quiet bright/dark dirty/clean
    brave/cowardly clever/stupid kind/cruel beautiful/ugly thick/thin fat/thin
    present/absent presence/absence visible/invisible voluntary/compulsory
    """
)
"""Words whose exchange makes a sentence say something else, whichever way round."""

RELATIONS = _both_ways(
    """
    before/after bought/sold buy/sell buying/selling buys/sells from/to with/without
    voted_for/voted_against vote_for/vote_against argued_for/argued_against
    over/under above/below inside/outside since/until during/before during/after because_of/despite
    despite/because_of thanks_to/despite because/although although/because
    father/son/brother/uncle/cousin mother/daughter/sister/aunt/cousin
    wife/daughter/sister/mother husband/son/brother/father wives/daughters husbands/sons
    sons/brothers daughters/sisters parents/children parent/child grandfather/grandson
    grandmother/granddaughter nephew/uncle niece/aunt boyfriend/brother girlfriend/sister
    teacher/student teachers/students employer/employee employers/employees buyer/seller
    buyers/sellers attacker/victim attackers/victims owner/tenant owners/tenants boss/secretary
    gave/received give/receive gives/receives sent/received send/receive sends/receives
    lent/borrowed lend/borrow taught/learned teach/learn joined/left join/leave led/followed
    asked/answered ask/answer hosted/visited host/visit won/lost/drew beat/lost_to
    employed/sued met/avoided told/asked paid/owed pay/owe paying/owing hid/showed
    imports/exports import/export imported/exported importing/exporting predecessor/successor
    captain/coach president/minister manager/player director/actor author/reader
    plaintiff/defendant prosecutors/lawyers witness/suspect witnesses/suspects
    police/protesters killed/rescued injured/rescued wounded/rescued shot/saved attacked/helped
    accused/defended blamed/thanked sued/hired followed/preceded replaced/assisted
    caused/prevented cause/prevent causes/prevents causing/preventing threatened/protected
    into/out_of towards/away_from onto/off
    """
)
"""Relations between the things a sentence names: the names stay, who does what changes."""

UNITS = _both_ways(
    """
    kilometres/miles/metres kilometers/miles/meters km/miles/metres miles/yards/feet metres/feet
    meters/feet inches/feet/centimetres cm/mm/metres kg/tonnes/grams kilograms/tonnes
    kilogrammes/tonnes tons/pounds litres/gallons liters/gallons pounds/dollars/euros/yen
    pound/dollar/euro pence/pounds cents/dollars dollars/rupees million/billion millions/billions
    millions/thousands thousand/million hundred/thousand hundreds/thousands billion/trillion
    hours/minutes/days hour/minute/day minutes/seconds seconds/hours days/weeks/months/years
    day/week/month/year weeks/months/years week/month/year months/years/decades decade/century
    decades/centuries m/bn mph/km/h per_cent/points percent/points degrees/percent
    nights/weeks £/$/€ dozen/hundred dozens/hundreds acres/hectares
    daily/weekly/monthly weekly/monthly/yearly annually/monthly annual/monthly
    """.replace("km/h", "kph")
)
"""Units of measure, of money and of number."""

QUANTIFIERS = _both_ways(
    """
    all/few many/few most/few both/neither some/no several/no many/no
    everyone/nobody everybody/nobody always/never often/rarely usually/rarely frequently/rarely
    sometimes/never regularly/never completely/partly entirely/partly fully/partly
    mostly/hardly widely/hardly
    """
) | _one_way("every/no each/no all/few")
"""Words of quantity and frequency that cannot both be true."""

STRENGTHS = _one_way(
    """
    some/all some/most several/all many/all most/all sometimes/always often/always usually/always
    partly/completely may/will might/will could/will can/must should/must may/must could/must
    may_have/has might_have/has could_have/has plans_to/will plan_to/will hopes_to/will
    hope_to/will wants_to/will want_to/will aims_to/will tried_to/managed_to
    attempted_to/managed_to trying_to/managing_to wanted_to/managed_to hoped_to/managed_to
    planned_to/managed_to offered_to/agreed_to likely_to/certain_to expected_to/certain_to
    possible/certain possibly/certainly probably/certainly perhaps/certainly maybe/certainly
    accused_of/convicted_of suspected_of/convicted_of charged_with/convicted_of
    allegedly/certainly reportedly/certainly alleged/proven suspected/proven proposed/introduced
    considering/introducing claimed/proved claims/proves suggested/proved suggests/proves
    suggest/prove nearly/exactly almost/exactly at_least/exactly
    threatened_to/decided_to urged_to/forced_to asked_to/forced_to
    """
)
"""Each weaker word with stronger ones: who says the weaker does not say the stronger, while
the stronger may well imply the weaker."""

SYNONYMS = _both_ways(
    """
    said/stated said/declared told/informed says/states big/large huge/enormous began/started
    begins/starts ended/finished kids/children film/movie films/movies bought/purchased buy/purchase
    nearly/almost helped/assisted job/position jobs/posts firm/company firms/companies gave/provided
    give/provide needed/required however/nevertheless therefore/thus many/numerous enough/sufficient
    tried/attempted trying/attempting choose/select chose/selected chosen/selected picked/selected
    happen/occur happened/occurred happens/occurs believe/think thinks/believes thought/believed
    build/construct built/constructed reply/answer replied/answered difficult/tough quick/fast
    quick/rapid quickly/rapidly homes/houses car/vehicle cars/vehicles physician/doctor street/road
    town/city allowed/permitted allows/permits found/discovered finds/discovers rise/increase
    rose/increased dropped/fell drop/fall policemen/officers supporters/fans mum/mother mom/mother
    dad/father lady/woman paid/funded speak/talk spoke/talked killed/slain injured/hurt ill/sick
    isn't/is_not wasn't/was_not aren't/are_not weren't/were_not don't/do_not doesn't/does_not
    didn't/did_not won't/will_not wouldn't/would_not couldn't/could_not shouldn't/should_not
    hasn't/has_not haven't/have_not hadn't/had_not can't/cannot i'm/i_am they're/they_are
    we're/we_are i've/i_have we've/we_have they've/they_have i'll/i_will we'll/we_will he'll/he_will
    she'll/she_will they'll/they_will biggest/largest bigger/larger announced/revealed
    announce/reveal warned/cautioned said/noted claimed/asserted told/notified urged/pressed
    called_for/demanded backed/supported blamed/faulted praised/commended won/secured
    murdered/killed jailed/imprisoned arrested/detained resigned/stepped_down quit/resigned
    sacked/dismissed children/youngsters pupils/students staff/employees workers/employees
    boss/manager players/athletes annual/yearly every_year/each_year yearly/annual
    monthly/each_month last_year/the_previous_year earnings/profits shares/stocks acquired/purchased
    acquire/purchase merger/tie-up country/nation countries/nations global/worldwide
    famous/well-known well_known/famous rich/wealthy poor/impoverished sad/unhappy glad/happy
    afraid/scared angry/furious beautiful/lovely clever/smart strange/odd hurt/wounded
    wounded/injured finally/eventually immediately/at_once often/frequently mainly/mostly
    usually/normally sometimes/occasionally currently/at_present recently/lately perhaps/maybe
    """
)
"""Words whose exchange leaves a sentence saying the same, near enough."""

ONE_WAY_SYNONYMS = _one_way(
    """
    agreement/deal victory/win scheme/plan schemes/plans assist/help cash/money money/cash
    blaze/fire collision/crash weapons/arms dispute/row begin/start depart/leave allow/permit
    attempt/try attempts/tries investigation/probe discussions/talks acquisition/purchase
    retain/keep retained/kept obtained/got created/made creating/making reduced/cut defeated/beat
    wants_to/wishes_to expenses/costs wealthy/rich commenced/began commence/begin purchasing/buying
    residence/home residents/inhabitants wounded/hurt requested/asked_for additionally/also
    approximately/about prior_to/before due_to/because_of numerous/many whole/entire
    obtain/get assistance/help remain/stay remained/stayed endure/last vanished/disappeared
    demonstrates/shows demonstrated/showed significant/important died/passed_away
    attempted_to/tried_to in_order_to/to as_well_as/and despite/in_spite_of concerning/about
    """
)
"""Words that others may stand for, but not the other way round."""

REWORDINGS = {
    word: SYNONYMS.get(word, []) + ONE_WAY_SYNONYMS.get(word, [])
    for word in SYNONYMS | ONE_WAY_SYNONYMS
}
"""Each word with those that it may be replaced by."""

PRONOUNS = {
    "he": ["she"],
    "she": ["he"],
    "his": ["her"],
    "her": ["his"],
    "him": ["her"],
    "himself": ["herself"],
    "herself": ["himself"],
    "they": ["we", "you"],
    "their": ["our", "your"],
    "them": ["us"],
    "themselves": ["ourselves"],
    "us": ["them"],
    "we": ["they", "you"],
    "our": ["their", "your"],
    "i": ["you", "they"],
    "my": ["your", "their"],
    "me": ["them"],
}
"""Each pronoun with those that stand for somebody else (`they` may stand for `he`)."""

AUXILIARIES = _words(
    """
    is are was were has have had will would can could should may might must does do did
    """
)

CONNECTIVES = _words(
    """
    in on at for with to from by after before because who which that and but as when while
    of was were is are has have had will would said says into about over under
    """
)
"""Words at which the end of one sentence may be joined to the beginning of another."""

PREPOSITIONS = _words(
    """
    in on at for with to from by after before of into about over under during against between
    through near since until without within towards across behind around among off up down out as
    """
)

DETERMINERS = _words("the a an his her their its our my your this that these those")

FUNCTION_WORDS = (
    AUXILIARIES
    | CONNECTIVES
    | PREPOSITIONS
    | DETERMINERS
    | _words(
        """
        i you he she it we they me him us them not no nor or so if then than there here be been
        being am what where how why whom whose also just very too only even still yet all any
        some each every both more most such own same other another one two n't t s d ll re ve m
        don didn doesn isn wasn aren weren won wouldn couldn shouldn hasn haven hadn can't cannot
        mr mrs ms dr sir now get got let like well yes oh ok okay really because although though
        whether either neither up down much many few again once while
        """
    )
)
"""Words that say little by themselves."""

STARTERS = FUNCTION_WORDS | _words(
    """
    however meanwhile moreover furthermore therefore thus hence later earlier last next today
    yesterday tomorrow according despite unlike former new old police officials people experts
    critics researchers scientists students workers fans children women men parents teachers
    shares sales profits prices most many several some few half first second third finally
    recently currently previously originally initially eventually perhaps maybe indeed instead
    nearly almost about around above below during following given since until once although
    speaking asked born based founded located built known called named according additionally
    another others everyone everybody someone nobody nothing something anything everything
    good great please thanks thank hello hi hey sorry sure right yeah no yes but and or so
    president prime minister chairman chief executive director professor doctor mayor
    to by for from with within without under over upon among between
    """
)
"""Words that often begin a sentence with a capital and are no names."""

TITLES = _words(
    """
    Mr Mrs Ms Miss Dr Sir Lord Lady Prof Professor President Chancellor Mayor Judge Captain
    Colonel General Inspector Detective Senator Minister Secretary Prince Princess King Queen Pope
    Reverend Sergeant Doctor Councillor Dame Justice Coach Uncle Aunt
    """
)

ORGANISATION_WORDS = _words(
    """
    Inc Corp Corporation Ltd plc Co Company Group University College School Council Committee
    Party Bank Ministry Department Agency Association Federation Union United City FC Club Court
    Police Army Office Institute Commission Foundation Trust Hospital Museum Airlines Airways
    Records Pictures Studios Times Post News Television Parliament Senate Congress Government
    Assembly Board Authority Society Service Services Church League
    """
)

FIRST_NAMES = _words(
    """
    James John Robert Michael William David Richard Joseph Thomas Charles Daniel Matthew Anthony
    Mark Donald Steven Paul Andrew Joshua Kenneth Kevin Brian George Edward Ronald Timothy Jason
    Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Stephen Larry Justin Scott Brandon Benjamin
    Samuel Gregory Frank Alexander Raymond Patrick Jack Dennis Jerry Tyler Aaron Jose Adam Nathan
    Henry Douglas Peter Zachary Kyle Walter Harold Carl Arthur Roger Keith Lawrence Terry Albert
    Jesse Austin Bruce Willie Jordan Dylan Alan Ralph Roy Eugene Louis Philip Simon Martin Ian
    Graham Neil Stuart Colin Nigel Tony Gordon Tom Tim Jim Bob Bill Mike Steve Chris Dave Dan Ben
    Sam Joe Nick Matt Greg Jeff Fred Ted Max Leo Luke Oliver Harry Charlie Alfie Oscar Hugo Ivan
    Boris Vladimir Sergei Carlos Juan Luis Miguel Pedro Pablo Diego Ahmed Mohammed Ali Omar Hassan
    Ibrahim Yusuf Wei Li Chen Hiroshi Kenji Raj Ravi Anil Sanjay Mary Patricia Jennifer Linda
    Elizabeth Barbara Susan Jessica Sarah Karen Nancy Lisa Margaret Betty Sandra Ashley Dorothy
    Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Laura Sharon
    Cynthia Kathleen Amy Shirley Angela Helen Anna Brenda Pamela Nicole Samantha Katherine Emma
    Ruth Christine Catherine Debra Rachel Carolyn Janet Virginia Maria Heather Diane Julie Joyce
    Victoria Kelly Christina Joan Evelyn Lauren Judith Olivia Frances Martha Cheryl Megan Andrea
    Hannah Jacqueline Ann Jean Alice Kathryn Gloria Teresa Sara Janice Marie Julia Grace Judy
    Theresa Rose Beverly Denise Marilyn Amber Danielle Brittany Diana Jane Lucy Sophie Chloe
    Charlotte Kate Claire Fiona Gemma Nina Olga Natasha Irina Fatima Aisha Layla Mei Yuki Priya
    """
)

COUNTRIES = _words(
    """
    America Britain England Scotland Wales Ireland France Germany Spain Italy Portugal Greece
    Turkey Russia Ukraine Poland Hungary Romania Bulgaria Serbia Croatia Austria Switzerland
    Belgium Netherlands Holland Denmark Norway Sweden Finland Iceland China Japan Korea India
    Pakistan Bangladesh Nepal Afghanistan Iran Iraq Israel Syria Lebanon Jordan Egypt Libya Tunisia
    Algeria Morocco Sudan Ethiopia Kenya Uganda Tanzania Nigeria Ghana Zimbabwe Zambia Australia
    Canada Mexico Brazil Argentina Chile Peru Colombia Venezuela Cuba Jamaica Indonesia Malaysia
    Singapore Thailand Vietnam Philippines Europe Africa Asia London Paris Berlin Madrid Rome
    Athens Moscow Beijing Tokyo Delhi Mumbai Cairo Sydney Melbourne Toronto Washington Chicago
    Boston Manchester Liverpool Birmingham Leeds Glasgow Edinburgh Cardiff Belfast Dublin
    California Texas Florida
    """
)
"""Countries, continents and large cities."""

DEMONYMS = _words(
    """
    American British English Scottish Welsh Irish French German Spanish Italian Portuguese Greek
    Turkish Russian Ukrainian Polish Hungarian Romanian Bulgarian Serbian Croatian Austrian Swiss
    Belgian Dutch Danish Norwegian Swedish Finnish Chinese Japanese Korean Indian Pakistani Iranian
    Iraqi Israeli Syrian Egyptian Libyan African Asian European Australian Canadian Mexican
    Brazilian Argentine Cuban Indonesian Kenyan Nigerian Palestinian Muslim Christian Jewish
    Catholic Western
    """
)

ALIASES = tuple(
    frozenset(group.replace("_", " ").split("/"))
    for group in (
        "US/America/American/United_States/USA/U.S/Washington/States",
        "UK/Britain/British/United_Kingdom/England/English/Great_Britain/U.K/London",
        "EU/Europe/European/European_Union/Brussels",
        "Russia/Russian/Moscow/Kremlin/Soviet",
        "China/Chinese/Beijing",
        "France/French/Paris",
        "Germany/German/Berlin",
        "Spain/Spanish/Madrid",
        "Italy/Italian/Rome",
        "Japan/Japanese/Tokyo",
        "India/Indian/Delhi",
        "Ireland/Irish/Dublin",
        "Scotland/Scottish/Edinburgh/Holyrood",
        "Wales/Welsh/Cardiff",
        "Labour/Labour_Party",
        "UN/United_Nations",
        "Netherlands/Dutch/Holland",
        "Congress/Senate",
        "Parliament/Commons",
        "BBC/BBC_News",
        "God/Lord",
    )
)
"""Names that may stand for one another."""

SYMMETRIC_WORDS = _words(
    """
    and or met meet meets married marry between versus v vs with alongside near like drew against
    both plus nor than & , ; / - play plays played playing face faces faced join beside
    """
)
"""Words between two names that leave the two free to change places."""

NUMBER_WORDS = tuple(
    """
    one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty
    forty fifty sixty
    """.split()  # noqa: SIM905 - a table of words
)

NUMBER_VALUES = dict(zip(NUMBER_WORDS, [*range(1, 13), 15, 20, 30, 40, 50, 60], strict=True))

ORDINALS = tuple(
    """
    second third fourth fifth sixth seventh eighth ninth tenth
    """.split()  # noqa: SIM905 - a table of words
)

BOUNDS = _words("than over least most under above below up nearly almost exceeding beyond")
"""Words behind which a larger or a smaller number may say the same."""

WEAKENED: dict[str, list[str]] = {
    stronger: [weak for weak, strong in STRENGTHS.items() if stronger in strong]
    for stronger in dict.fromkeys(s for strong in STRENGTHS.values() for s in strong)
} | {"will": ["may", "might", "could"]}
"""Each stronger word with weaker ones."""

_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_MONTHS = """
    January February March April May June July August September October November December
    """.split()  # noqa: SIM905 - a table of words
WEEKDAYS_AND_MONTHS = dict.fromkeys(_DAYS, _DAYS) | dict.fromkeys(_MONTHS, _MONTHS)
"""Each weekday with the weekdays, each month with the months."""

TIMES = _both_ways(
    """
    yesterday/tomorrow/today spring/summer/autumn/winter morning/afternoon/evening
    last_week/next_week last_month/next_month last_year/next_year last_year/this_year
    last_week/this_week last_month/this_month am/pm a.m/p.m tonight/tomorrow weekend/week
    last_night/tomorrow noon/midnight
    """
)
"""Words for days, seasons and times of day."""

PAST_TENSES = _one_way(
    """
    said/say told/tell went/go came/come took/take made/make gave/give got/get saw/see knew/know
    thought/think found/find left/leave felt/feel kept/keep began/begin held/hold brought/bring
    bought/buy sold/sell won/win lost/lose met/meet paid/pay sent/send built/build spent/spend
    stood/stand understood/understand wrote/write spoke/speak rose/rise fell/fall grew/grow
    drew/draw drove/drive broke/break chose/choose ate/eat drank/drink flew/fly wore/wear
    became/become ran/run led/lead played/play called/call asked/ask wanted/want needed/need
    helped/help started/start ended/end opened/open closed/close moved/move lived/live
    believed/believe used/use worked/work turned/turn showed/show looked/look seemed/seem
    followed/follow happened/happen joined/join visited/visit received/receive agreed/agree
    refused/refuse announced/announce reported/report claimed/claim denied/deny admitted/admit
    confirmed/confirm decided/decide accepted/accept rejected/reject attacked/attack killed/kill
    arrested/arrest supported/support scored/score finished/finish returned/return
    published/publish released/release appeared/appear insisted/insist suggested/suggest
    warned/warn promised/promise praised/praise criticised/criticise launched/launch
    bore/bear caught/catch taught/teach fought/fight sought/seek hid/hide stole/steal
    """
)
"""Past tenses with their base forms."""

PARTICIPLES = _words(
    """
    built held found made told sold bought brought sent won lost led paid taught caught fought
    hit kept left shot
    """
)
"""Irregular participles that are the past tense too."""

PARTITIVES = _words(
    """
    city town village state island name names kind number rest part parts majority minority group
    form sort likes university republic kingdom county parish isle gulf battle thought idea absence
    presence case board house bank court start front back middle half side area region district
    north south east west province port borough bishop archbishop duke earl prince princess
    """
)
"""Nouns whose `of` does not say whose they are."""
