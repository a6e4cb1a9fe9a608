"""Small word lists for synthetic pairs, written for this project. Data only."""

from __future__ import annotations


def _both_ways(pairs: str) -> dict[str, list[str]]:
    """`a/b c/d` -> each word with its partners, in both directions; `_` stands for a space."""
    table: dict[str, list[str]] = {}
    for group in pairs.split():
        words = [w.replace("_", " ") for w in group.split("/")]
        for word in words:
            table.setdefault(word, []).extend(w for w in words if w != word)
    return table


ANTONYMS = _both_ways(
    """
    rose/fell rise/fall rising/falling rises/falls increase/decrease increased/decreased
    increases/decreases increasing/decreasing more/less more/fewer most/least higher/lower
    high/low highest/lowest above/below before/after first/last early/late earlier/later
    won/lost win/lose wins/loses winning/losing winner/loser victory/defeat success/failure
    successful/unsuccessful succeeded/failed accepted/rejected accept/reject agreed/refused
    agree/disagree approved/rejected approve/reject supported/opposed support/oppose
    supports/opposes supporters/opponents confirmed/denied confirm/deny confirms/denies
    admitted/denied allowed/banned allow/ban legal/illegal guilty/innocent convicted/acquitted
    arrested/released alive/dead survived/died born/died start/end started/ended starts/ends
    began/ended beginning/end opened/closed open/closed opening/closing best/worst better/worse
    good/bad strong/weak stronger/weaker large/small larger/smaller largest/smallest big/small
    bigger/smaller biggest/smallest long/short longer/shorter old/young older/younger
    oldest/youngest old/new north/south northern/southern east/west eastern/western left/right
    left/arrived arrived/departed bought/sold buy/sell buying/selling gained/lost gain/lose
    gains/losses profit/loss profits/losses expensive/cheap rich/poor richer/poorer
    easy/difficult easier/harder hard/easy safe/dangerous hot/cold warm/cool wet/dry fast/slow
    faster/slower quickly/slowly always/never often/rarely usually/rarely all/none many/few
    several/no everyone/nobody everything/nothing inside/outside indoor/outdoor public/private
    domestic/foreign national/local international/domestic positive/negative male/female
    man/woman men/women boy/girl boys/girls father/mother son/daughter sons/daughters
    brother/sister brothers/sisters husband/wife king/queen uncle/aunt grandfather/grandmother
    mr/mrs husband/brother wife/sister mother/sister father/brother up/down with/without
    for/against over/under near/far together/alone same/different possible/impossible
    likely/unlikely able/unable happy/unhappy healthy/sick true/false right/wrong
    correct/incorrect full/empty heavy/light deep/shallow wide/narrow major/minor
    maximum/minimum majority/minority permanent/temporary simple/complex include/exclude
    includes/excludes included/excluded improved/worsened improve/worsen grew/shrank grow/shrink
    growing/shrinking growth/decline expanded/shrank created/destroyed built/demolished
    build/demolish remembered/forgot remember/forget loved/hated love/hate likes/dislikes
    like/dislike teacher/student doctor/patient employer/employee buyer/seller attacker/victim
    hired/fired joined/left appointed/dismissed promoted/demoted encouraged/discouraged
    encourage/discourage praised/criticised praised/criticized praise/criticism
    welcomed/condemned welcome/condemn raised/lowered raise/lower raises/cuts raise/cut
    attack/defend attacked/defended follow/lead followed/led morning/evening day/night
    today/tomorrow yesterday/tomorrow week/month weeks/months months/years days/weeks
    hours/minutes hour/minute minutes/seconds year/month million/billion thousands/millions
    hundreds/thousands million/thousand half/quarter twice/once double/half kilometres/miles
    miles/metres km/miles pounds/dollars pound/dollar
    """
)
"""Words whose exchange makes a sentence say something else."""

SYNONYMS = _both_ways(
    """
    said/stated said/declared told/informed says/states big/large huge/enormous began/started
    begin/start begins/starts ended/finished kids/children film/movie films/movies
    bought/purchased buy/purchase also/too nearly/almost help/assist helped/assisted
    job/position jobs/posts firm/company firms/companies chief/head boss/head show/demonstrate
    shows/demonstrates showed/demonstrated get/obtain got/received gave/provided give/provide
    need/require needs/requires needed/required use/utilise uses/employs killed/slain
    injured/hurt ill/sick quick/rapid quickly/rapidly important/significant begin/commence
    however/nevertheless therefore/thus many/numerous lots/plenty enough/sufficient try/attempt
    tried/attempted trying/attempting choose/select chose/selected chosen/selected
    picked/selected keep/retain kept/retained happen/occur happened/occurred happens/occurs
    say/state think/believe thinks/believes thought/believed wants/wishes wanted/wished
    makes/creates made/created making/creating build/construct built/constructed attempt/effort
    answer/reply answered/replied ask/inquire difficult/hard easy/simple fast/quick house/home
    houses/homes car/vehicle cars/vehicles doctor/physician movie/picture road/street town/city
    whole/entire allow/permit allowed/permitted allows/permits show/reveal showed/revealed
    found/discovered finds/discovers finding/discovering reach/arrive_at leave/depart
    rise/increase rose/increased fell/dropped fall/drop grew/expanded grow/expand cut/reduced
    police/officers fans/supporters match/game matches/games defeat/loss victory/win
    beat/defeated lead/advantage during/throughout mum/mother mom/mother dad/father
    people/persons person/individual woman/lady hospital/clinic money/cash pay/fund paid/funded
    plan/scheme plans/schemes probe/investigation row/dispute talks/discussions talk/speak
    talked/spoke deal/agreement isn't/is_not wasn't/was_not aren't/are_not weren't/were_not
    don't/do_not doesn't/does_not didn't/did_not won't/will_not wouldn't/would_not
    couldn't/could_not shouldn't/should_not hasn't/has_not haven't/have_not hadn't/had_not
    can't/cannot it's/it_is he's/he_is she's/she_is they're/they_are we're/we_are i'm/i_am
    i've/i_have we've/we_have they've/they_have i'll/i_will we'll/we_will he'll/he_will
    she'll/she_will
    """
)
"""Words whose exchange leaves a sentence saying the same, near enough."""

PRONOUNS = {
    "he": ["she", "they"],
    "she": ["he", "they"],
    "his": ["her", "their"],
    "her": ["his", "their"],
    "him": ["her", "them"],
    "himself": ["herself"],
    "herself": ["himself"],
    "they": ["he", "she", "we"],
    "their": ["his", "her", "our"],
    "them": ["him", "us"],
    "we": ["they"],
    "our": ["their"],
    "i": ["he", "she", "they"],
    "my": ["his", "her", "their"],
}

AUXILIARIES = frozenset(
    """
    is are was were has have had will would can could should may might must does do did
    """.split()  # noqa: SIM905 - a table of words
)

CONNECTIVES = frozenset(
    """
    in on at for with to from by after before because who which that and but as when while
    of was were is are has have had will would said says said into about over under
    """.split()  # noqa: SIM905 - a table of words
)

NUMBER_WORDS = tuple(
    """
    one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty
    forty fifty sixty
    """.split()  # noqa: SIM905 - a table of words
)

_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_MONTHS = """
    January February March April May June July August September October November December
    """.split()  # noqa: SIM905 - a table of words
WEEKDAYS_AND_MONTHS = dict.fromkeys(_DAYS, _DAYS) | dict.fromkeys(_MONTHS, _MONTHS)
"""Each weekday with the weekdays, each month with the months."""
