"""Questions with their answers as statements, by rules.

ALIGN (Zha et al. 2023) rewrites question and answer with a sequence-to-sequence model for some of
its sets. Here a few hundred words of grammar do it: where they are not sure they give None, and the
caller joins question and answer instead. Without a parser much must stay undone; what is done
should be a grammatical sentence that says what the pair says.

Pure functions of strings. Knows nothing of datasets or examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

MAX_ANSWER_WORDS = 14
"""Longer answers are clauses more often than not, which fit no slot."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ---------------------------------------------------------------------------------- closed classes

BE = _words("is are was were am")
DO = _words("do does did")
HAVE = _words("has have had")
MODALS = _words("can could will would shall should may might must")
AUXILIARIES = BE | DO | HAVE | MODALS
DETERMINERS = _words(
    "the a an this that these those his her its their our my your some any every each no one "
    "another all both most many several two three four five six seven eight nine ten"
)
SUBJECT_PRONOUNS = _words("he she it they we you i")
PRONOUNS = SUBJECT_PRONOUNS | _words("him them us me there")
PREPOSITIONS = _words(
    "about above across after against along among around as at because before behind below "
    "beneath beside besides between beyond by despite down due during except for from in inside "
    "into like near of off on onto out outside over per since than through throughout to toward "
    "towards under until up upon via with within without according following including"
)
CLAUSE_STARTS = _words("when while because after before as if until since once although though")
SUBORDINATORS = CLAUSE_STARTS | _words("that who which whose whom where whether than so")
CONJUNCTIONS = _words("and or but nor")
ADVERBS = _words(
    "also still often now usually first originally always never most more best once later last "
    "soon then just only ever today currently already finally again together previously mainly "
    "primarily typically commonly generally formerly initially actually sometimes frequently"
)
POSITIVE_SCOPE = _words("any ever either anything anyone anybody yet anywhere")
"""Words of questions and negations alone."""
NEGATIVE_SCOPE = _words("all each every both everyone everything always only already some")
"""Words whose negation may be read in two ways."""
APOSTROPHE = "['\u2019]"
ASKING = r"(?:who|whom|what|which|when|where|why|how)"

UNCLEAR = re.compile(
    rf"[?;:!]|[a-z]{{3,}}\.\s|\.\s+[A-Z]\w|n{APOSTROPHE}t\b|\b(?:NOT|EXCEPT)\b"
    rf"|, [^,]+ or |[A-Z][\w.]+ or [A-Z]|\b(?:and|or) (?:\w+ )?{ASKING}\b"
    r"|\b(?:best|proper|suitable) title\b|\bstatements?\b|\bfollowing\b|\btrue\b|\bmain idea\b"
    r"|\b(?:learn|infer) from\b|\b(?:first|last) time\b"
)
"""More than one question, or one about statements: nothing that one phrase answers."""

# ----------------------------------------------------------------------------------- open classes

ADJECTIVES = _words(
    "able afraid active alive available aware capable clear close common complete considered "
    "dependent different difficult due equal essential famous fond full good bad happy important "
    "impossible interested known legal likely married necessary open opposed part popular possible "
    "prevalent proud ready related responsible rich similar subject successful sure true typical "
    "unique unlikely unusual visible worth"
)
"""Adjectives that are predicates more often than parts of a noun phrase."""
ADJECTIVAL = re.compile(r"[a-z-]+(?:ous|ive|ful|ing|ern|ical|ic|able|ible|ary|al|ed|[uo]lar)")
NOT_ADJECTIVES = _words(
    "metal animal hospital capital festival journal material coal official general admiral "
    "cardinal individual terminal manual portal rival signal crystal mineral canal goal meal deal "
    "seal trial survival arrival proposal approval burial chemical musical public music traffic "
    "topic fabric plastic clinic republic table cable library dictionary military secretary salary "
    "seed speed weed detective olive locomotive archive drive native bicycle building king ring "
    "wing spring string thing painting dollar"
)
NAMING = _words("called named titled termed dubbed nicknamed renamed labeled labelled entitled")
HEAD_NOUNS = _words(
    "name names title term word nickname number percentage population capital date year result "
    "purpose reason cause value amount price size height length area age"
)
"""Nouns after which a participle is a part of the noun phrase (`the name given to`)."""
ATTRIBUTES = _words(
    "nationality color colour age size religion race gender sex height shape genre rank position "
    "number percent percentage type kind sort category profession occupation ethnicity status "
    "temperature"
)
"""`What nationality was Chopin` asks what he was, `What city is the capital` which city it is."""
NAMES = _words("name title nickname term word")
KINDS = _words("type types kind kinds sort style")
SHARES = _words("percentage percent proportion share fraction")
TEMPORAL = {
    "year": "in",
    "years": "in",
    "month": "in",
    "season": "in",
    "century": "in",
    "decade": "in",
    "date": "on",
    "day": "on",
}
"""Nouns of time with their preposition."""
AT_PLACES = _words(
    "university college school palace hospital airport stadium church cathedral abbey park center "
    "centre museum hotel theatre theater hall inn square house station field arena institute "
    "academy library"
)
ON_PLACES = _words("island street avenue road boulevard")
REPORTING = _words(
    "say think believe claim state feel suggest argue note ask tell know do happen find decide "
    "realize conclude mention explain imply show prove"
)
"""Verbs whose object is a clause: an answer to `what did X say` rarely fits behind them."""
CHAINING = _words(
    "want tend begin start try attempt continue plan hope fail seek refuse agree need like love "
    "choose intend manage prefer wish threaten offer promise struggle come have help wait aim"
)
"""Verbs with an infinitive whose object may be asked for (`what did X try to avoid`)."""
MOTION = _words("go move travel return flee migrate emigrate immigrate send retreat head sail")
PREMODIFIERS = _words(
    "retired famed noted renowned acclaimed animated televised limited proposed related combined "
    "abandoned organized advanced armed estimated unnamed left married"
)
"""Participles that stand before a noun more often than they begin a predicate."""

VERBS = _words(
    """
    abandon abolish absorb accelerate accept accompany accomplish accuse achieve acknowledge
    acquire act adapt add address administer admire admit adopt advance advise advocate
    affect agree aim allege allow ally alter annex announce answer appear apply appoint
    appreciate approach approve argue arise arrange arrest arrive ask assemble assert assess
    assign assist associate assume attach attack attain attempt attend attract attribute
    authorize avoid await award ban base be bear beat become beg begin behave believe belong
    benefit bestow bind blame block bloom boast borrow bounce break breathe bring broadcast
    build burn bury buy calculate call campaign capture carry cast catch cause cease
    celebrate challenge change charge choose cite claim classify climb close coin collaborate
    collapse collect combine come commemorate comment commission commit communicate compare
    compel compete compile complain complete compose comprise conceive conclude condemn
    conduct confirm conflict connect conquer consider consist constitute construct consume
    contain continue contract contrast contribute control convert convince cook cope cost
    cough cover create credit criticise criticize cross crown cultivate cut damage dance deal
    debate debut decay decide declare decline decrease dedicate defeat defend define delay
    deliver demand demonstrate deny depart depend depict deploy derive describe deserve
    design destroy detect determine develop devote die differ dig digest direct disagree
    disappear discover discuss dismiss dispatch display dispute dissolve distinguish
    distribute divide do dominate donate drain draw dream drink drive drop drown earn eat
    edit educate elect eliminate embrace emerge emigrate emphasise emphasize employ enable
    enact encompass encounter encourage end endorse endure enforce engage enjoy enlist enroll
    ensure enter equal erect erupt escape espouse establish evaluate evaporate evolve exceed
    exclaim exclude excrete execute exhibit exist expand expect expel experience explain
    explode exploit explore export expose express extend face fail fall fear feature feed
    feel fight fill finance find finish fire fit flee flow fly focus follow forbid force form
    found free freeze function fund gain gather generate get give go govern grant greet gross
    grow guarantee guard guide hand handle happen harm hatch have hear help hide highlight
    hire hit hold honor host hunt identify ignore illustrate imagine import impose improve
    include incorporate increase indicate induct inflict influence inform inhabit inherit
    initiate insist inspire install instruct integrate intend interact intervene introduce
    invade invent invest invite invoke involve issue jail join judge jump justify keep kidnap
    kill know label lack land last laugh launch lay lead learn leave lecture lend let
    liberate license lie lift like limit linger link listen live load lobby locate look lose
    love maintain make manage manufacture mark marry master match mean measure mediate meet
    melt mention mentor merge migrate mobilize modify motivate move murder necessitate need
    negotiate nominate note notice obtain occupy occur offer open operate oppose orbit order
    organise organize originate outnumber overlap overlook overrun overtake overthrow
    overturn own participate pass pay perform permit persuade photograph pick pioneer place
    plan plant play plead plot point portray position possess postpone practice praise
    precede predict prefer premiere prepare present preserve pressure prevent process
    proclaim produce prohibit promise promote promulgate propose prosecute protect protest
    prove provide publish pull purchase purge pursue push put raise rank rate reach react
    read realize rebel rebuild recall receive recognize recommend record recover recruit
    rediscover reduce refer reflect reform refuse regain regard regulate reign reinforce
    reject relate release relocate rely remain remember remove rename renew renounce rent
    reopen repair repeal replace reply report represent reproduce request require rescue
    reserve reside resign resist resolve respond rest restart restore restrict result retain
    retake retire return reunite reveal reverse revive revolt reward ride rise rotate rule
    run sack sail sanction save say score secede secure see seek seem seize select sell send
    sentence separate serve set settle shape share shelter shift shoot shout show shut sign
    simulate sing sink sit sleep slow smell smile smoke solve sound spark speak specialize
    spend split sponsor spread stage stand star start state stay steal stem stop store stress
    strike structure study subdue submit succeed sue suffer suggest summon supplement supply
    support suppress surpass surrender survive suspend sustain swim switch symbolize tackle
    take talk target taste teach tell tend term terminate test think threaten throw tie top
    topple touch tour trace trade train transfer transform translate transmit transport
    travel treat trigger try turn undergo understand undertake unify unite upgrade urge use
    utilize value vary vibrate view violate visit vote wait walk want warn warrant weaken
    wear weigh widen win wish withdraw witness work worry worship wound write yield
    """
)
IRREGULAR = {
    base: (past, participle)
    for base, past, participle in (
        entry.split("/")
        for entry in """
    arise/arose/arisen be/was/been bear/bore/borne beat/beat/beaten become/became/become
    begin/began/begun bind/bound/bound break/broke/broken bring/brought/brought
    broadcast/broadcast/broadcast build/built/built burn/burned/burned buy/bought/bought
    cast/cast/cast catch/caught/caught choose/chose/chosen come/came/come cost/cost/cost
    cut/cut/cut deal/dealt/dealt dig/dug/dug do/did/done draw/drew/drawn drink/drank/drunk
    drive/drove/driven eat/ate/eaten fall/fell/fallen feed/fed/fed feel/felt/felt
    fight/fought/fought find/found/found fit/fit/fit flee/fled/fled fly/flew/flown
    forbid/forbade/forbidden freeze/froze/frozen get/got/got give/gave/given go/went/gone
    grow/grew/grown have/had/had hear/heard/heard hide/hid/hidden hit/hit/hit hold/held/held
    keep/kept/kept know/knew/known lay/laid/laid lead/led/led leave/left/left lend/lent/lent
    let/let/let lie/lay/lain lose/lost/lost make/made/made mean/meant/meant meet/met/met
    overrun/overran/overrun overtake/overtook/overtaken overthrow/overthrew/overthrown
    pay/paid/paid put/put/put read/read/read rebuild/rebuilt/rebuilt retake/retook/retaken
    ride/rode/ridden rise/rose/risen run/ran/run say/said/said see/saw/seen
    seek/sought/sought sell/sold/sold send/sent/sent set/set/set shoot/shot/shot
    show/showed/shown shut/shut/shut sing/sang/sung sink/sank/sunk sit/sat/sat
    sleep/slept/slept speak/spoke/spoken spend/spent/spent split/split/split
    spread/spread/spread stand/stood/stood steal/stole/stolen strike/struck/struck
    swim/swam/swum take/took/taken teach/taught/taught tell/told/told think/thought/thought
    throw/threw/thrown undergo/underwent/undergone understand/understood/understood
    undertake/undertook/undertaken wear/wore/worn win/won/won withdraw/withdrew/withdrawn
    write/wrote/written
        """.split()  # noqa: SIM905 - a table of words
    )
}
"""Base form: past and past participle."""
DOUBLING = _words(
    "admit commit control compel expel permit prefer occur refer submit transfer overlap"
)
PASTS = {past for past, _ in IRREGULAR.values()} - BE
PARTICIPLES = {form for _, form in IRREGULAR.values()} | _words("born shown hung sworn")
NOT_PARTICIPLES = _words(
    "need speed breed seed feed indeed hundred kindred sacred naked shed united so-called aged"
)
NOT_GERUNDS = _words(
    "king thing something anything nothing everything during spring string evening morning "
    "building wedding meeting following including according being wing ring ceiling"
)

# -------------------------------------------------------------------------------- answers' shapes

MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
WEEKDAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
ORDINAL = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|\d+(?:st|nd|rd|th)) "
TIME_UNIT = re.compile(r"\b(?:year|month|week|day|hour|minute|second)s?\b")
MONEY = re.compile(r"[$£€¥]|\b(?:dollars?|pounds?|euros?|francs?|cents?|yuan|yen|USD|RMB)\b")
_ABOUT = (
    r"(?:(?:about|over|around|approximately|nearly|almost|roughly|some|more than|less than|fewer "
    r"than|at least|up to|only|just|an estimated|estimated) )?"
)
_NUMERAL = (
    r"(?:[$£€¥]?\d[\d.,]*|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty"
    r"|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|dozens?|several|many"
    r"|no|half|a (?:few|hundred|thousand|million|dozen|couple))\b)"
)
QUANTITY = re.compile(_ABOUT + _NUMERAL, re.IGNORECASE)
NUMBER = re.compile(
    rf"{_ABOUT}{_NUMERAL}(?:[ -](?:and )?{_NUMERAL}|[ -](?:m|b)illion)*", re.IGNORECASE
)


@dataclass(frozen=True)
class Clause:
    """A question's clause in the order of a statement, without what was asked for.

    Attributes:
        subject: Its subject.
        verb: The verb group, inflected (`was named`, `lost`).
        main: The main verb as it stands in the question.
        rest: The words behind it.
    """

    subject: str
    verb: str
    main: str
    rest: tuple[str, ...]


def declarative(question: str, answer: str) -> str | None:
    """A statement that says what question and answer say together.

    Args:
        question: One English question.
        answer: Its answer, right or wrong: a phrase, or `yes` or `no`.

    Returns:
        A sentence with a full stop, or None where no rule is sure of one.

    Example:
        >>> declarative("What city did the Qing lose in 1853?", "Nanjing")
        'The Qing lost Nanjing in 1853.'
        >>> declarative("Who wrote Emma?", "Jane Austen")
        'Jane Austen wrote Emma.'
        >>> declarative("When was Notre Dame founded?", "1842")
        'Notre Dame was founded in 1842.'
        >>> declarative("Can penguins fly?", "no")
        'Penguins cannot fly.'
        >>> declarative("How did they get there?", "by train") is None
        True
    """
    asked, said = _clean_question(question), _clean_answer(answer)
    if asked is None or said is None:
        return None
    prefix, words = _split_prefix(asked)
    if said.lower() in ("yes", "no", "true", "false"):
        made = _yes_no(words, negated=said.lower() in ("no", "false"))
    else:
        made = None if _is_clause(said) else _dispatch(words, said)
    return _sentence(prefix, made) if made else None


# ---------------------------------------------------------------------------- question and answer


def _clean_question(question: str) -> str | None:
    """The question's words without its mark; None where it is no single plain question."""
    text = " ".join(question.split())
    body = text.rstrip("? ")
    if not text.endswith("?") or UNCLEAR.search(body) or _is_unbalanced(body):
        return None
    body = re.sub(rf"^([Ww]hat|[Ww]ho|[Ww]here|[Ww]hen){APOSTROPHE}s\b", r"\1 is", body)
    return re.sub(r"(?<!\b[A-Z])\.$", "", body.rstrip(", ")) or None


def _is_unbalanced(text: str) -> bool:
    return text.count('"') % 2 == 1 or text.count("(") != text.count(")")


def _clean_answer(answer: str) -> str | None:
    """The answer without its stop; None where it is more than one phrase."""
    text = " ".join(answer.split())
    if text.endswith(".") and not re.search(r"\b(?:\w\.)+$|\b(?:Inc|Jr|Sr|Co|St|Ltd)\.$", text):
        text = text[:-1]
    text = text.rstrip(" ,;:!")
    broken = re.search(r"[?;]|[.!]\s+[A-Z][a-z]+ [a-z]|\w, .*\b(?:because|whether|if|so)\b", text)
    if not text or broken or _is_unbalanced(text) or len(text.split()) > MAX_ANSWER_WORDS:
        return None
    return text


def _is_clause(answer: str) -> bool:
    """Whether an answer has a subject and a finite verb of its own."""
    words = answer.split()
    if len(words) > 1 and words[0].lower() in SUBJECT_PRONOUNS:
        return True
    starts = words[0].lower() in SUBORDINATORS | PREPOSITIONS
    relative = any(word in ("who", "which", "that", "whose", "where") for word in words)
    return not starts and not relative and bool(set(words[1:]) & AUXILIARIES)


def _split_prefix(text: str) -> tuple[str, list[str]]:
    """`In 1853, what city ...` -> (`In 1853,`, the question's words)."""
    found = re.match(
        r"((?:In|On|At|During|After|Before|Since|By|According to|Under|As of) [^,?]{2,60},) "
        r"((?:who|what|which|when|where|how|why|in|on|at|to|for|by|from|did|does|do|is|was|were)"
        r"\b.*)",
        text,
    )
    if found and not re.search(rf"\b{ASKING}\b", found.group(1)):
        return found.group(1), found.group(2).split()
    return "", text.split()


def _sentence(prefix: str, made: str) -> str:
    text = f"{prefix} {made}".strip()
    keeps_case = re.match(r"[a-z][A-Z]", text)  # iPod
    start = text[0] if keeps_case else text[0].upper()
    return start + text[1:] + ("" if text.endswith(".") else ".")


def _dispatch(words: list[str], answer: str) -> str | None:
    first = words[0].lower()
    second = words[1].lower() if len(words) > 1 else ""
    if first in ("who", "whom", "what", "which"):
        return _wh(first, words[1:], answer)
    if first in PREPOSITIONS and second in ("what", "which", "whom"):
        return _fronted(first, second, words[2:], answer)
    if first in ("when", "where", "why"):
        return _adverbial(first, words[1:], answer)
    if first == "how" and len(words) > 3:
        return _how(second, words[2:], answer)
    return _in_place(words, answer)


# -------------------------------------------------------------------------------- words and forms


def _bare(word: str) -> str:
    return word.strip("\"'(),").lower()


def _is_base(word: str) -> bool:
    return word in VERBS


def _is_participle(word: str) -> bool:
    if word in NOT_PARTICIPLES or not word.islower() or "-" in word:
        return False
    return word in PARTICIPLES or word in _REGULAR_PASTS or _ends_as_past(word)


def _is_gerund(word: str) -> bool:
    form = word.islower() and word.endswith("ing") and len(word) > 5 and "-" not in word
    return form and word not in NOT_GERUNDS


def _is_adverb(word: str) -> bool:
    return _bare(word) in ADVERBS or (len(word) > 4 and word.islower() and word.endswith("ly"))


def _is_finite(word: str) -> bool:
    """A verb form that can stand without an auxiliary, other than the base."""
    if not word.islower() or "-" in word:
        return False
    if word in PASTS | _REGULAR_PASTS or (_ends_as_past(word) and word not in NOT_PARTICIPLES):
        return True
    return word.endswith("s") and bool(_bases(word))


def _ends_as_past(word: str) -> bool:
    return word.endswith("ed") and len(word) > 4


def _is_verbal(word: str) -> bool:
    return _is_finite(word) or _is_base(word) or word.lower() in AUXILIARIES


def _bases(word: str) -> list[str]:
    """Known verbs whose third person singular is this word."""
    candidates = [word[:-1], word[:-2], word[:-3] + "y"]
    return [base for base in candidates if base in VERBS and third_person(base) == word]


def past(verb: str) -> str:
    """The past tense of a verb.

    Example:
        >>> [past(verb) for verb in ("lose", "visit", "carry", "stop", "play", "admit")]
        ['lost', 'visited', 'carried', 'stopped', 'played', 'admitted']
    """
    if verb in IRREGULAR:
        return IRREGULAR[verb][0]
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    if verb in DOUBLING or re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", verb):
        return verb + verb[-1] + "ed"
    return verb + "ed"


def third_person(verb: str) -> str:
    """The third person singular of the present.

    Example:
        >>> [third_person(verb) for verb in ("have", "go", "reach", "carry", "use")]
        ['has', 'goes', 'reaches', 'carries', 'uses']
    """
    if verb == "have":
        return "has"
    if re.search(r"(?:s|x|z|ch|sh|o)$", verb):
        return verb + "es"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + "s"


_REGULAR_PASTS = {past(verb) for verb in VERBS if verb not in IRREGULAR}


def _opens(words: Sequence[str]) -> bool:
    """Whether words begin like what follows a verb: an object or a prepositional phrase."""
    if not words:
        return False
    known = DETERMINERS | PREPOSITIONS | PRONOUNS
    return _bare(words[0]) in known or words[0][:1].isupper()


def _starts_noun_phrase(words: Sequence[str]) -> bool:
    """Whether words begin like a whole noun phrase: a determiner, a name, a possessive."""
    if not words:
        return False
    start = words[0].lstrip("\"'(")[:1]
    known = words[0].lower() in DETERMINERS or start.isupper() or start.isdigit()
    return known or _has_possessive(words[:4])


def _has_possessive(words: Sequence[str]) -> bool:
    return any(re.search(rf"(?:{APOSTROPHE}s|s{APOSTROPHE})$", word) for word in words)


def _is_name(words: Sequence[str]) -> bool:
    """Whether words are one name: capitalised but for `of`, `the`, `and` between."""
    inner = ("of", "the", "and", "de", "van", "von")
    return bool(words) and all(
        word.lstrip("\"'(")[:1].isupper() or (0 < at < len(words) - 1 and word in inner)
        for at, word in enumerate(words)
    )


def _mid(answer: str) -> str:
    """An answer as it stands inside a sentence."""
    first, _, others = answer.partition(" ")
    if re.match(ORDINAL, answer) and others[:1].islower():
        return f"the {first.lower()} {others}"
    small = first.lower() in DETERMINERS | PREPOSITIONS and not others[:1].isupper()
    return f"{first.lower()} {others}" if small and others else answer


def _small(phrase: str) -> str:
    """A phrase that begins with a preposition, inside a sentence."""
    return phrase[0].lower() + phrase[1:]


def _join(*parts: str | Sequence[str]) -> str:
    texts = [part if isinstance(part, str) else " ".join(part) for part in parts]
    return " ".join(text for text in texts if text)


# -------------------------------------------------------------------------------------- the clause


def _form_after(auxiliary: str) -> Callable[[str], bool]:
    if auxiliary in BE:
        return lambda word: _is_participle(word) or _is_gerund(word)
    return _is_participle if auxiliary in HAVE else _is_base


def _verb_place(body: Sequence[str], is_form: Callable[[str], bool]) -> int | None:
    """Where the main verb stands behind an auxiliary and a subject, where that is certain."""
    clauses = SUBORDINATORS - {"as", "than"}
    cut = [i for i, word in enumerate(body) if i > 0 and _bare(word) in clauses]
    window = body[: cut[0]] if cut else body
    blocked = DETERMINERS | PREPOSITIONS | CONJUNCTIONS | {"not", "very", "newly", "more"}
    places = [
        i
        for i, word in enumerate(window)
        if i > 0
        and is_form(word.rstrip(","))
        and not (_bare(window[i - 1]) in blocked or _has_possessive(window[i - 1 : i]))
        and not (_is_base(window[i - 1]) and window[max(i - 2, 0)] == "to")
    ]
    if len(places) == 1:
        return places[0]
    certain = len(places) > 1 and is_form is _is_base and _opens(window[places[0] + 1 :])
    return places[0] if certain else None


def _inverted(words: Sequence[str], *, negated: bool = False) -> Clause | None:
    """`did the Qing lose in 1853` -> the clause in a statement's order."""
    auxiliary, body = words[0].lower(), list(words[1:])
    helper = "been" if auxiliary in HAVE else "being" if auxiliary in BE else ""
    if helper and helper in body[1:-1]:
        place: int | None = body.index(helper) + 1
    else:
        place, helper = _verb_place(body, _form_after(auxiliary)), ""
    if not place or any(word.lower() in AUXILIARIES for word in body[:place]):
        return None
    subject, main, rest = body[:place], body[place].rstrip(","), body[place + 1 :]
    if helper and not (subject.pop() and (_is_participle(main) or _is_gerund(main))):
        return None
    adverbs: list[str] = []
    while len(subject) > 1 and _is_adverb(subject[-1]):
        adverbs.insert(0, subject.pop())
    if not subject or not _is_subject(subject):
        return None
    adverbs += [helper] if helper else []
    verb = _verb_group(auxiliary, adverbs, main, negated=negated)
    return Clause(" ".join(subject), verb, main, tuple(rest))


def _is_subject(words: Sequence[str]) -> bool:
    last = _bare(words[-1])
    superlative = len(words) == 2 and words[0].lower() == "the" and last.endswith("est")
    ends = last in PREPOSITIONS | (DETERMINERS - {"all", "both"}) | ADJECTIVES or superlative
    return not ends and words[0].lower() not in PREPOSITIONS and not all(map(_is_adverb, words))


def _verb_group(auxiliary: str, adverbs: Sequence[str], main: str, *, negated: bool) -> str:
    if auxiliary in DO and not negated:
        inflect: dict[str, Callable[[str], str]] = {"did": past, "does": third_person, "do": str}
        return _join(adverbs, inflect[auxiliary](main))
    return _join(_negated(auxiliary) if negated else auxiliary, adverbs, main)


def _negated(auxiliary: str) -> str:
    return "cannot" if auxiliary == "can" else f"{auxiliary} not"


def _slot(main: str, rest: Sequence[str]) -> int | None:
    """Where behind the verb an object that was asked for stands; None where that is not sure."""
    if not rest:
        return 0
    first = _bare(rest[0])
    if first in CLAUSE_STARTS and len(rest) > 2:
        return 0
    if {_bare(word) for word in rest} & (AUXILIARIES | SUBORDINATORS) - PREPOSITIONS:
        return None
    if _bare(rest[-1]) in PREPOSITIONS:
        return len(rest)
    if first == "to" and len(rest) > 1 and _is_infinitive(rest):
        inner = _slot(_bare(rest[1]), rest[2:])
        if main == "use":
            return 0
        return None if main not in CHAINING or inner is None else 2 + inner
    if any(_is_infinitive(rest[at:]) and _misses_object(rest[at:]) for at in range(1, len(rest))):
        return None
    if _has_gap(rest[1:]):
        return None
    if first in PREPOSITIONS:
        return 1 if _bare(rest[1]) in PREPOSITIONS - {"of", "to"} else 0
    return 0 if _is_adverb(rest[0]) else None


def _has_gap(words: Sequence[str]) -> bool:
    """Whether a preposition stands before another, as where its object was asked for."""
    steps = pairwise(map(_bare, words))
    return any(a in PREPOSITIONS and b in PREPOSITIONS - {"of", "to"} for a, b in steps)


def _is_infinitive(words: Sequence[str]) -> bool:
    if len(words) < 2 or words[0] != "to" or not words[1].islower() or _opens(words[1:]):
        return False
    return _is_base(_bare(words[1])) or _opens(words[2:])


def _misses_object(infinitive: Sequence[str]) -> bool:
    """Whether what was asked for may be the object of an infinitive, not of the main verb."""
    after = infinitive[2:]
    return not after or _bare(after[0]) in PREPOSITIONS


def _with_object(clause: Clause, answer: str) -> str | None:
    slot = _slot(clause.main, clause.rest)
    if slot is None or clause.main in REPORTING:
        return None
    return _join(clause.subject, clause.verb, clause.rest[:slot], _mid(answer), clause.rest[slot:])


def _with_phrase(clause: Clause, phrase: str) -> str | None:
    """The clause with a phrase of time, place or reason: behind its core, or in front."""
    rest = [_bare(word) for word in clause.rest]
    statement = _join(clause.subject, clause.verb, clause.rest)
    at = next((i for i, word in enumerate(rest) if word in CLAUSE_STARTS - {"as"}), len(rest))
    if set(rest[:at]) & (AUXILIARIES - {"have"}) or clause.main == "do":
        return None
    if re.search(r"\b(\w+) \1\b", statement):
        return None
    if at > 6 or set(rest[:at]) & (SUBORDINATORS - PREPOSITIONS):
        return f"{phrase[0].upper()}{phrase[1:]}, {statement}"
    return _join(clause.subject, clause.verb, clause.rest[:at], phrase, clause.rest[at:])


def _inverted_with(words: Sequence[str], phrase: str | None) -> str | None:
    clause = _inverted(words)
    if clause is None or phrase is None:
        return None
    if clause.rest and _bare(clause.rest[-1]) in PREPOSITIONS:
        return None
    return _with_phrase(clause, phrase)


# -------------------------------------------------------------------------------- who, what, which


def _wh(word: str, words: list[str], answer: str) -> str | None:
    """Questions for a person or a thing: `who ...`, `what ...`, `which city ...`."""
    if not words or words[0].lower() in ("of", "else", "about") or words[0].startswith("happen"):
        return None
    place = _finite_place(words, who=word in ("who", "whom"))
    if place is None:
        return None
    nouns, clause = words[:place], words[place:]
    if any(noun.endswith(",") or noun.lower() in PREPOSITIONS - {"of"} for noun in nouns):
        return None  # What narrows the nouns down would be lost.
    if clause[0].lower() not in AUXILIARIES:
        return _subject_question(nouns, clause, answer)
    if len(clause) < 2:
        return None
    if nouns and nouns[-1].lower() in TEMPORAL:
        return _inverted_with(clause, time_phrase(answer, TEMPORAL[nouns[-1].lower()]))
    return _after_auxiliary(word, nouns, clause, answer)


def _finite_place(words: Sequence[str], *, who: bool) -> int | None:
    """Where the verb of a question stands: behind the nouns that belong to `what` or `which`."""
    if who:
        steps = [i for i, word in enumerate(words[:3]) if not _is_adverb(word)]
        return steps[0] if steps and words[steps[0]].islower() else None
    for i, word in enumerate(words[:8]):
        if word.lower() in AUXILIARIES:
            return i
        before_noun = not _opens(words[i + 1 :]) and any(map(_is_verbal, words[i + 1 : i + 5]))
        if i == 0 and (word in PREMODIFIERS or before_noun):
            if word not in PREMODIFIERS and word in PASTS | _REGULAR_PASTS:
                return None
            continue
        if _is_finite(word) and (i == 0 or _ends_noun(words[i - 1])):
            return i
        if _is_base(word) and i > 0 and words[i - 1].endswith("s") and _opens(words[i + 1 :]):
            return i
    return None


def _ends_noun(word: str) -> bool:
    return _bare(word) not in DETERMINERS | PREPOSITIONS | CONJUNCTIONS or _is_adverb(word)


def _subject_question(nouns: Sequence[str], clause: Sequence[str], answer: str) -> str | None:
    """`who wrote ...`, `what company produced ...`: the answer is the subject."""
    subject = _as_subject(nouns, answer)
    happening = not nouns and any(word.startswith("happen") for word in clause[:3])
    if subject is None or happening:
        return None
    adverbs = [noun for noun in nouns[-1:] if _is_adverb(noun)]
    return _join(subject, adverbs, _agree(subject, clause[0]), clause[1:])


def _as_subject(nouns: Sequence[str], answer: str) -> str | None:
    """The answer as a subject, with what it needs of the nouns that it was asked by."""
    first = answer.split()[0].lower()
    last = nouns[-1].lower() if nouns else ""
    blocked = PREPOSITIONS | SUBORDINATORS | CONJUNCTIONS | _words("not how why most more very")
    if first in blocked or last in ("names", "titles", "terms") or nouns[:1] == ["one"]:
        return None
    if nouns and nouns[0].lower() in SHARES and "of" in nouns:
        return _share(nouns, answer)
    return f"the {last} {answer}" if last in NAMES else _with_kind(nouns, answer)


def _share(nouns: Sequence[str], answer: str) -> str | None:
    """`42%` with `percentage of households` -> `42% of households`."""
    if not re.fullmatch(r"(?:\w+ ){0,3}[\d.,]+ ?(?:%|percent|per cent)?", answer):
        return None
    number = f"{answer}%" if answer[-1].isdigit() else answer
    return _join(number, nouns[list(nouns).index("of") :])


def _with_kind(nouns: Sequence[str], answer: str) -> str:
    """`covalent` with `type of bond` -> `covalent bond`; mere adjectives get their noun too."""
    words = [w.lower().rstrip("s") for w in re.findall(r"[\w-]+", answer)]
    if not nouns or nouns[-1].lower().rstrip("s") in words:
        return answer
    kind = KINDS & {noun.lower() for noun in nouns}
    short = len(nouns) == 3 and len(words) < 4 and answer.split()[0].lower() not in DETERMINERS
    return f"{answer} {nouns[-1]}" if (kind and short) or _is_adjectival(answer) else answer


def _is_adjectival(answer: str) -> bool:
    """Whether every word looks like an adjective, so that a noun is wanted behind them."""
    words = [word for word in re.findall(r"[\w-]+", answer) if word not in CONJUNCTIONS]
    return all(ADJECTIVAL.fullmatch(word) and word not in NOT_ADJECTIVES for word in words)


def _agree(subject: str, verb: str) -> str:
    """A singular verb in the plural where the subject is clearly one."""
    last = subject.split()[-1]
    ends = last.islower() and re.search("[^su]s$", last) and not last.endswith("ics")
    plural = re.search(" (?:and|&) ", subject) or ends
    modified = set(subject.lower().split()[1:]) & (PREPOSITIONS | SUBORDINATORS)
    if not plural or modified or verb in PASTS:
        return verb
    be = {"is": "are", "was": "were", "has": "have"}
    return be.get(verb) or next(iter(_bases(verb)), verb)


def _after_auxiliary(word: str, nouns: list[str], clause: list[str], answer: str) -> str | None:
    """What an auxiliary begins: the predicate of the answer, or a clause that it is a part of."""
    auxiliary, body = clause[0].lower(), clause[1:]
    if auxiliary not in DO:
        if _predicates(auxiliary, body):
            return _subject_question(nouns, clause, answer)
        if auxiliary in BE:
            return _copula(word, nouns, clause, answer)
        if auxiliary in HAVE and body[0] in ("a", "an", "some", "no"):
            return _subject_question(nouns, clause, answer)
        if auxiliary in HAVE and not any(map(_is_participle, body)):
            return _subject_question(nouns, clause, answer) if _opens(body) else None
    elif {noun.lower() for noun in nouns} & ((ATTRIBUTES | NAMES) - KINDS):
        return None
    made = _inverted(clause)
    if made is None or not _fits_object(made, answer):
        return None
    return _with_object(made, _with_kind(nouns, answer))


def _predicates(auxiliary: str, body: Sequence[str]) -> bool:
    """Whether an auxiliary's predicate follows at once, so that its subject was asked for."""
    head = next((w for w in body if not _is_adverb(w) and w.lower() != "not"), "")
    low = _bare(head)
    if auxiliary in MODALS:
        return low in VERBS or low == "be"
    if auxiliary in HAVE:
        return _is_participle(low) and head.islower()
    following = _is_participle(low) or _is_gerund(low) or low in PREPOSITIONS | ADJECTIVES
    return following and head.islower() and not (low in PREPOSITIONS and len(body) < 2)


def _fits_object(clause: Clause, answer: str) -> bool:
    """Whether an answer can be the object of a clause: it is no clause or phrase itself."""
    first = answer.split()[0].lower()
    stranded = bool(clause.rest) and _bare(clause.rest[-1]) in PREPOSITIONS
    clausal = first in SUBORDINATORS | CONJUNCTIONS | _words("how why by not")
    return not clausal and not (first in PREPOSITIONS and (first != "to" or stranded))


def _copula(word: str, nouns: list[str], clause: list[str], answer: str) -> str | None:
    """`what is the capital of ...`, `who was the first ...`, `what was the army named after`."""
    be, body = clause[0].lower(), clause[1:]
    if _bare(body[-1]) in PREPOSITIONS and not _has_relative(body):
        return _passive(clause, answer)
    named = any(_bare(w) in NAMING for w in body) and not any(_bare(w) in HEAD_NOUNS for w in body)
    if named and word == "what":
        made = _inverted(clause)
        return _with_object(made, answer) if made and made.main in NAMING else None
    if not _starts_noun_phrase(body) or not _is_whole(body, allow_participles=word == "who"):
        return None
    asked = {noun.lower() for noun in nouns}
    whole = body[0].lower() in DETERMINERS or _has_possessive(body)
    if (whole and word == "who") or (
        nouns and not asked & ATTRIBUTES and (whole or not KINDS & asked)
    ):
        subject = _as_subject(nouns, answer)
        return _join(subject, _agree(subject, be), body) if subject else None
    fits = answer.split()[0].lower() not in SUBORDINATORS | CONJUNCTIONS | _words("how why by not")
    if not fits or not (whole or (_is_name(body) and not asked & KINDS)):
        return None
    return _join(body, be, _mid(answer))


def _passive(clause: list[str], answer: str) -> str | None:
    """`was the army named after`: the answer stands behind the preposition."""
    made = _inverted(clause)
    if made is None or _is_gerund(made.main):
        return None
    bare = len(made.rest) == 1 or _bare(made.rest[-2]) not in PREPOSITIONS
    return _with_object(made, answer) if bare else None


def _has_relative(body: Sequence[str]) -> bool:
    return any(_bare(w) in ("that", "who", "which", "whom", "whose", "where") for w in body[1:-1])


def _is_whole(body: Sequence[str], *, allow_participles: bool) -> bool:
    """Whether words are one noun phrase with no predicate of their own."""
    cut = [i for i, w in enumerate(body) if i > 0 and _bare(w) in SUBORDINATORS - {"as", "than"}]
    window = [_bare(w) if w.islower() else w for w in body[: cut[0] if cut else None]]
    last = window[-1]
    if _is_gerund(last) or last in ADJECTIVES | ADVERBS | _words("like doing done do"):
        return False
    if window[0].lower() in PRONOUNS or any(w in AUXILIARIES | PRONOUNS for w in window[1:]):
        return False
    if _has_gap(window):
        return False
    steps = pairwise(window)
    blocked = DETERMINERS | PREPOSITIONS | CONJUNCTIONS
    verbal = [b for a, b in steps if a not in blocked and not _has_possessive([a])]
    participles = any(_is_participle(word) or _is_gerund(word) for word in verbal)
    return not participles or allow_participles or any(w in HEAD_NOUNS for w in window[:5])


# ------------------------------------------------------------------- when, where, why, prep + wh


def time_phrase(answer: str, preposition: str = "in") -> str | None:
    """An answer to `when` as a phrase of time; None where its preposition is not sure.

    Args:
        answer: The answer.
        preposition: What goes before a century or a decade: that of the noun asked by.

    Example:
        >>> [time_phrase(a) for a in ("1853", "January 16", "the 14th century", "Monday")]
        ['in 1853', 'on January 16', 'in the 14th century', 'on Monday']
        >>> time_phrase("after the war"), time_phrase("Zeng Guofan")
        ('after the war', None)
    """
    first = answer.split()[0].lower()
    if first in PREPOSITIONS | _words("when once every each circa") - _words("of as like than"):
        return _small(answer)
    if re.match(r"(?:today|yesterday|now|last (?:year|month|week)|annually)\b|.* ago$", answer):
        return _small(answer)
    if re.match(rf"(?:about |around )?[\w-]+ {TIME_UNIT.pattern} (?:after|before)", answer):
        return _small(answer)
    if re.search(rf"^(?:{WEEKDAY}\b|{MONTH} \d\d?(?:st|nd|rd|th)?\b|\d\d? {MONTH}\b)", answer):
        return f"on {answer}"
    if re.match(r"(?:noon|midnight|\d\d?(?::\d\d)? ?[ap]\.?m)", answer):
        return f"at {answer}"
    if re.match(r"\d{3,4}s|(?:\d\d?(?:st|nd|rd|th)|\w+th)[ -]century\b", answer):
        return f"in the {answer}"
    plain = (
        rf"(?:early |late |mid[- ]|the )?(?:{MONTH}|\d{{3,4}}\b|\w+ of \d{{4}}|summer|spring|fall"
        r"|autumn|winter|(?:early |late |mid[- ])?[\w-]+ century)"
    )
    decade = preposition == "in" and re.match(r"the \d{4}s", answer)
    return f"in {answer}" if re.match(plain, answer) or decade else None


def place_phrase(answer: str, *, to: bool = False) -> str | None:
    """An answer to `where` as a phrase of place; None where its preposition is not sure.

    Args:
        answer: The answer.
        to: It is where something goes, not where it is.

    Example:
        >>> place_phrase("Nanjing"), place_phrase("Yale University"), place_phrase("near the sea")
        ('in Nanjing', 'at Yale University', 'near the sea')
        >>> place_phrase("city wall") is None
        True
    """
    words = answer.split()
    if words[0].lower() in PREPOSITIONS - _words("of as like than because due"):
        return _small(answer)
    name = answer.split(",")[0].split()
    name = name[1:] if name and name[0].lower() == "the" else name
    if not _is_name(name) or MONEY.search(answer) or time_phrase(answer):
        return None
    kinds = {_bare(word) for word in name}
    preposition = "at" if kinds & AT_PLACES else "on" if kinds & ON_PLACES else "in"
    return f"{'to' if to else preposition} {_mid(answer)}"


def _adverbial(word: str, words: list[str], answer: str) -> str | None:
    """`when did ...`, `where was ...`, `why is ...`."""
    if len(words) < 2 or words[0].lower() not in AUXILIARIES:
        return None
    if word == "why":
        reason = answer.split()[0].lower() in ("because", "due", "to")
        return _inverted_with(words, _small(answer) if reason else None)
    clause = _inverted(words)
    if clause is None:
        phrase = time_phrase(answer) if word == "when" else place_phrase(answer)
        return _copular_phrase(words, phrase)
    if word == "when":
        return _inverted_with(words, time_phrase(answer))
    return _located(clause, answer, passive=words[0].lower() in BE)


def _located(clause: Clause, answer: str, *, passive: bool) -> str | None:
    """A clause with the place that was asked for."""
    if clause.rest and _bare(clause.rest[-1]) in ("from", "to", "at", "in"):
        return _with_phrase(clause, _mid(answer)) if answer[:1].isupper() else None
    if passive and clause.rest and _bare(clause.rest[0]) in ("by", "after", "as"):
        return None  # `where is the statue made by X`: the participle may be the noun's own
    phrase = place_phrase(answer, to=clause.main in MOTION)
    return _with_phrase(clause, phrase) if phrase else None


def _copular_phrase(words: Sequence[str], phrase: str | None) -> str | None:
    """`where is the palace` -> `the palace is in ...`."""
    be, body = words[0].lower(), words[1:]
    if be not in BE or phrase is None or not _is_whole(body, allow_participles=False):
        return None
    if not (body[0].lower() in DETERMINERS or _has_possessive(body) or _is_name(body)):
        return None
    return None if _bare(body[-1]) in PREPOSITIONS else _join(body, be, phrase)


def _fronted(preposition: str, word: str, words: list[str], answer: str) -> str | None:
    """`in what year did ...`, `to whom was ...`."""
    place = next((i for i, w in enumerate(words[:7]) if w.lower() in AUXILIARIES), None)
    if place is None or (word == "whom") != (place == 0) or len(words) < place + 3:
        return None
    return _inverted_with(words[place:], _fronted_phrase(preposition, words[:place], answer))


def _fronted_phrase(preposition: str, nouns: Sequence[str], answer: str) -> str | None:
    last = nouns[-1].lower() if nouns else ""
    first = answer.split()[0].lower()
    if (KINDS | {"of", "way"}) & {noun.lower() for noun in nouns}:
        return None
    if last == "age":
        number = re.fullmatch(r"\d+|[a-z]+(?:-[a-z]+)?", answer)
        return f"at the age of {answer}" if number else None
    if last in TEMPORAL:
        natural = preposition in ("in", "on") or first in PREPOSITIONS
        return time_phrase(answer, TEMPORAL[last]) if natural else None
    if first in PREPOSITIONS:
        return _small(answer) if first == preposition else None
    if " " not in answer and answer.islower() and nouns:
        return None
    return f"{preposition} {_mid(answer)}"


# ----------------------------------------------------------------------------------------- how many


def _how(word: str, words: list[str], answer: str) -> str | None:
    if not QUANTITY.match(answer):
        return None
    if word in ("many", "much"):
        return _how_many(word, words, answer)
    if words[0].lower() in DO and word == "long":
        return _how_long(words, answer)
    if words[0].lower() in BE and word in ("old", "long", "tall", "high", "wide", "deep"):
        return _how_adjective(word, words, answer)
    return None


def _how_many(word: str, words: list[str], answer: str) -> str | None:
    """`how many people live ...`, `how much did ... cost`."""
    place = next((i for i, w in enumerate(words[:7]) if w.lower() in AUXILIARIES), None)
    if place is None:
        place = next((i for i in range(1, min(5, len(words))) if _is_main(words, i)), None)
    if place is None or len(words) < place + 2:
        return None
    amount = _amount(word, words[:place], answer)
    return _with_amount(words[:place], words[place:], amount) if amount else None


def _with_amount(nouns: list[str], clause: list[str], amount: str) -> str | None:
    """A clause with the amount that was asked for: its subject, its object or how long it took."""
    auxiliary, body = clause[0].lower(), clause[1:]
    if auxiliary not in AUXILIARIES:
        return _join(amount, clause)
    if auxiliary in BE and body[0].lower() == "there":
        return _join("there", auxiliary, amount, body[1:])
    if auxiliary in BE and not nouns:
        whole = _is_whole(body, allow_participles=False) and _starts_noun_phrase(body)
        return _join(body, auxiliary, amount) if whole else None
    if nouns and auxiliary not in DO and _predicates(auxiliary, body):
        return _join(amount, clause)
    made = None if auxiliary in BE else _inverted(clause)
    if made is None:
        return None
    timed = nouns and TIME_UNIT.search(nouns[0])
    if timed and made.main not in ("last", "take", "spend"):
        return _with_phrase(made, f"for {amount}") if len(nouns) == 1 else None
    return _with_object(made, amount)


def _is_main(words: Sequence[str], at: int) -> bool:
    plural = words[at - 1].endswith("s") or words[at - 1] in ("people", "children", "men", "women")
    base = _is_base(words[at]) and plural and _opens(words[at + 1 :])
    return _is_finite(words[at]) or base


def _amount(word: str, nouns: Sequence[str], answer: str) -> str | None:
    """`three` with `awards` -> `three awards`; an answer that names its unit stays as it is."""
    if not nouns:
        return answer if word == "much" else None
    if nouns[0].lower() in ("of", "more", "greater", "less", "other", "times"):
        return None
    stems = {w.lower().rstrip("s") for w in re.findall(r"[\w'-]+", answer)}
    if _bare(nouns[-1]).rstrip("s") in stems or _bare(nouns[0]).rstrip("s") in stems:
        return answer
    if word == "much":
        return answer if nouns[-1].lower() == "money" and MONEY.search(answer) else None
    if re.search(r"(?:hundreds|thousands|millions|dozens)$", answer):
        return f"{answer} of {' '.join(nouns)}"
    return f"{_mid(answer)} {' '.join(nouns)}" if NUMBER.fullmatch(answer) else None


def _how_long(words: list[str], answer: str) -> str | None:
    made = _inverted(words)
    if made is None or not TIME_UNIT.search(answer):
        return None
    if made.main in ("last", "take", "spend"):
        return _with_object(made, answer)
    return _with_phrase(made, f"for {_small(answer)}")


def _how_adjective(word: str, words: list[str], answer: str) -> str | None:
    """`how old was X when ...`, `how tall is the tower`."""
    be, body = words[0].lower(), words[1:]
    at = next((i for i, w in enumerate(body) if w.lower() == "when"), len(body))
    subject, measure = body[:at], _measure(word, answer)
    if not subject or measure is None:
        return None
    whole = subject[0].lower() in DETERMINERS and _is_whole(subject, allow_participles=False)
    if not (whole or _is_name(subject) or subject in (["he"], ["she"])):
        return None
    return _join(subject, be, measure, body[at:])


def _measure(word: str, answer: str) -> str | None:
    if re.search(rf"\b{word}\b", answer):
        return answer
    if word == "old":
        if re.fullmatch(r"[\w-]+", answer):
            return f"{answer} years old"
        return f"{answer} old" if re.search(r"\b(?:year|month|day)s?$", answer) else None
    return f"{answer} {word}" if re.fullmatch(r"[\d.,]+ \w+", answer) else None


# ------------------------------------------------------------------------------- yes and no, others


def _yes_no(words: list[str], *, negated: bool) -> str | None:
    """`did the French hold St. John's` with yes or no."""
    if len(words) < 3 or words[0].lower() not in AUXILIARIES:
        return None
    auxiliary, body = words[0].lower(), words[1:]
    scope = NEGATIVE_SCOPE if negated else POSITIVE_SCOPE
    if {_bare(word) for word in body} & (scope | _words("or not what which how")):
        return None
    if auxiliary in BE and body[0].lower() in ("there", "it", "he", "she", "they"):
        return _join(body[0], _negated(auxiliary) if negated else auxiliary, body[1:])
    clause = _inverted(words, negated=negated)
    if clause is not None:
        return _join(clause.subject, clause.verb, clause.rest)
    return _yes_no_copula(auxiliary, body, negated=negated)


def _yes_no_copula(auxiliary: str, body: Sequence[str], *, negated: bool) -> str | None:
    """`is Java a compiled language`: the predicate begins at an article behind a noun."""
    blocked = PREPOSITIONS | DETERMINERS | CONJUNCTIONS | ADJECTIVES
    places = [
        i
        for i, word in enumerate(body)
        if i > 0 and word.lower() in ("a", "an", "the") and _bare(body[i - 1]) not in blocked
    ]
    if auxiliary not in BE or len(places) != 1 or _is_adverb(body[places[0] - 1]):
        return None
    subject, predicate = body[: places[0]], body[places[0] :]
    if any(_is_participle(_bare(word)) or _is_gerund(_bare(word)) for word in subject):
        return None
    return _join(subject, _negated(auxiliary) if negated else auxiliary, predicate)


def _in_place(words: list[str], answer: str) -> str | None:
    """`the revolt took place in what year`: the statement is there, but for the answer."""
    text = " ".join(words)
    found = re.search(
        r" (?:(in|on|at|to|by|from|for|of|with) )?(what|which|who|whom|when|where)(?: (\w+))?$",
        text,
    )
    stem = text[: found.start()] if found else ""
    if not found or len(stem.split()) < 3 or not _is_stem(stem.lower().split()):
        return None
    preposition, word, noun = found.groups()
    if word in ("when", "where"):
        phrase = time_phrase(answer) if word == "when" else place_phrase(answer)
        return _join(stem, phrase) if phrase and not preposition and not noun else None
    if noun in TEMPORAL:
        phrase = time_phrase(answer, TEMPORAL[noun])
        return _join(stem, phrase) if phrase and preposition in ("in", "on") else None
    first = answer.split()[0].lower()
    repeated = {_bare(w) for w in stem.split()[-3:]} & {w.lower() for w in answer.split()}
    if repeated - DETERMINERS - PREPOSITIONS or first in PREPOSITIONS | SUBORDINATORS | {"how"}:
        return None
    if noun and (noun in NAMES or _is_adjectival(answer)):
        return None
    return _join(stem, preposition or "", _mid(answer))


def _is_stem(words: Sequence[str]) -> bool:
    """Whether words are the beginning of a statement that what was asked for may end."""
    asks = any(re.fullmatch(ASKING, word) for word in words) or {"did", "does"} & set(words)
    dangling = words[-1] in DETERMINERS | CONJUNCTIONS | _words("since until")
    return not asks and not dangling and words[0] not in AUXILIARIES
