"""Short plain sentences, and claims that they support or contradict, made by rules.

Each case has two sides that exclude each other, such as `X beat Y` and `Y beat X`. A side is told
in several ways, and every one of them is true of its own side and false of the other: neither a
claim nor a sentence tells the label. Knows nothing of documents or files.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from alignscore_metric.training.data import AlignmentExample

NEUTRAL, AMONG_OTHERS = 0.15, 0.4
"""Shares of claims about something else, and of sentences that stand among others."""


@dataclass(frozen=True)
class Side:
    """One side of a case.

    Attributes:
        texts: Sentences that tell all of it.
        claims: Sentences that follow from each of those.
    """

    texts: tuple[str, ...]
    claims: tuple[str, ...]


Case = tuple[Side, Side]
"""Two sides that exclude each other."""


NAMES = [
    "Maria",
    "Peter",
    "Anna",
    "Tom",
    "Laura",
    "David",
    "Nina",
    "Paul",
    "Sara",
    "Mark",
    "Julia",
    "Simon",
    "Emma",
    "Daniel",
    "Clara",
    "Hugo",
    "Ines",
    "Oscar",
    "Lena",
    "Victor",
    "Ruth",
    "Adam",
    "Helen",
    "Felix",
    "Grace",
    "Leon",
    "Martha",
    "Jonas",
    "Iris",
    "Max",
    "Rosa",
    "Eric",
]
BODIES = [
    "the board",
    "the senate",
    "the judge",
    "the ministry",
    "the regulator",
    "the mayor",
    "the union",
    "the company",
    "the university",
    "the commission",
    "the club",
    "the government",
    "the court",
    "the school",
    "the bank",
]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WHEN = ("", " last week", " on Tuesday", " in 2014", " yesterday", " on Friday evening", " in 1998")
ACTS: tuple[tuple[str, str, str], ...] = (
    ("beat {}", "was beaten by {}", "lost to {}"),
    ("defeated {}", "was defeated by {}", "lost to {}"),
    ("taught {}", "was taught by {}", "learned from {}"),
    ("helped {}", "was helped by {}", "got help from {}"),
    ("called {}", "was called by {}", "got a call from {}"),
    ("paid {}", "was paid by {}", "got money from {}"),
    ("chased {}", "was chased by {}", "ran away from {}"),
    ("hired {}", "was hired by {}", "got a job from {}"),
    ("outscored {}", "was outscored by {}", "scored less than {}"),
    ("praised {}", "was praised by {}", "received praise from {}"),
    ("invited {}", "was invited by {}", "got an invitation from {}"),
    ("sued {}", "was sued by {}", "was taken to court by {}"),
    ("replaced {}", "was replaced by {}", "gave way to {}"),
    ("sold {} a car", "was sold a car by {}", "bought a car from {}"),
    ("lent {} some money", "was lent money by {}", "borrowed money from {}"),
    ("gave {} a book", "was given a book by {}", "received a book from {}"),
    ("sent {} a letter", "was sent a letter by {}", "got a letter from {}"),
)
HARMS: tuple[tuple[str, ...], ...] = (
    ("hurt", "injured", "harmed"),
    ("killed",),
    ("arrested", "detained", "taken into custody"),
    ("rescued", "saved"),
    ("fined", "given a fine"),
    ("wounded", "injured"),
    ("invited", "asked to come"),
    ("dismissed", "fired", "sacked"),
)
EVENTS = [
    "in the explosion",
    "in the fire",
    "in the storm",
    "during the protest",
    "after the match",
    "at the factory",
    "in the collision",
    "during the search",
    "after the meeting",
    "in the flood",
]
GROUPS = [
    "workers",
    "passengers",
    "guests",
    "players",
    "students",
    "officers",
    "tourists",
    "neighbours",
]
VERDICTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("approve", "approved", ("rejected", "turned down")),
    ("accept", "accepted", ("rejected", "refused")),
    ("support", "supported", ("opposed",)),
    ("pass", "passed", ("blocked", "voted down")),
    ("allow", "allowed", ("banned", "prohibited")),
    ("confirm", "confirmed", ("denied",)),
    ("grant", "granted", ("denied", "refused")),
    ("sign", "signed", ("refused to sign",)),
    ("keep", "kept", ("dropped", "abandoned")),
    ("win", "won", ("lost",)),
)
THINGS: dict[str, str] = {
    "approve": "the plan,the merger,the treatment,the permit,the vaccine,the new road",
    "accept": "the offer,the proposal,the verdict,the apology,the invitation",
    "support": "the strike,the reform,the proposal,the campaign",
    "pass": "the law,the budget,the measure,the motion",
    "allow": "the march,the sale,the film,the new drug,smoking",
    "confirm": "the report,the story,the rumour,the appointment",
    "grant": "the loan,the request,the visa,the licence",
    "sign": "the contract,the treaty,the letter,the agreement",
    "keep": "the old rule,the project,the tax,the plan",
    "win": "the election,the case,the cup,the contract",
}
PLANS: tuple[tuple[str, str], ...] = (
    ("vote on the budget", "voted on the budget"),
    ("open a new office", "opened a new office"),
    ("choose a leader", "chose a leader"),
    ("publish a report", "published a report"),
    ("move to Berlin", "moved to Berlin"),
    ("release the figures", "released the figures"),
    ("start the work", "started the work"),
    ("meet the owners", "met the owners"),
    ("raise prices", "raised prices"),
    ("leave the league", "left the league"),
    ("give an answer", "gave an answer"),
    ("sell the building", "sold the building"),
    ("announce a winner", "announced a winner"),
)
STATES: tuple[tuple[str, str, tuple[str, ...], str, tuple[str, ...]], ...] = (
    ("the shop", "closed", ("closed", "shut", "not open"), "opened", ("open", "not closed")),
    ("the road", "closed", ("closed", "blocked"), "reopened", ("open", "open again")),
    ("the gate", "locked", ("locked",), "unlocked", ("unlocked", "open")),
    (
        "the tower",
        "tore down",
        ("torn down", "demolished"),
        "saved",
        ("saved", "left standing"),
    ),
    ("the concert", "cancelled", ("cancelled", "called off"), "held", ("held as planned",)),
    ("the prisoner", "released", ("free", "set free"), "jailed", ("in prison", "locked up")),
    ("the lights", "switched off", ("off",), "switched on", ("on",)),
    ("the ban", "lifted", ("lifted", "no longer in force"), "kept", ("still in force",)),
    ("the window", "broke", ("broken",), "repaired", ("fixed", "repaired")),
    ("the pool", "emptied", ("empty",), "filled", ("full",)),
    ("the fire", "put out", ("out", "extinguished"), "left burning", ("still burning",)),
)
BEINGS = [
    "dog",
    "boy",
    "girl",
    "rabbit",
    "man",
    "woman",
    "horse",
    "child",
    "bird",
    "nurse",
    "farmer",
    "goat",
]
OBJECTS = [
    "box",
    "chair",
    "table",
    "book",
    "basket",
    "ladder",
    "tent",
    "lamp",
    "bucket",
    "sofa",
    "bag",
    "bench",
]
POSES = (("sat", "sitting"), ("lay", "lying"), ("slept", "sleeping"), ("stood", "standing"))
SIDES = ("on", "under", "behind", "in front of", "above", "below")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _side(texts: list[str], less: list[str]) -> Side:
    """A side from sentences that tell all of it, and sentences that tell less."""
    full = tuple(map(_sentence, texts))
    return Side(full, full + tuple(map(_sentence, less)))


def _roles(rng: random.Random) -> Case:
    """Who did it to whom."""
    active, passive, converse = rng.choice(ACTS)
    a, b = rng.sample(NAMES, 2) if rng.random() < 0.7 else rng.sample(BODIES, 2)
    when = rng.choice(WHEN)

    def told(a: str, b: str) -> Side:
        told = [f"{a} {active.format(b)}", f"{b} {passive.format(a)}", f"{b} {converse.format(a)}"]
        return _side([text + when for text in told], told)

    return told(a, b), told(b, a)


def _nobody(rng: random.Random) -> Case:
    """Nobody, or somebody."""
    harms = rng.choice(HARMS)
    event = " " + rng.choice(EVENTS)
    group = rng.choice(GROUPS)

    def told(starts: tuple[str, ...], less: tuple[str, ...]) -> Side:
        texts = [f"{start} {rng.choice(harms)}{event}" for start in starts]
        return _side(texts, [f"{start} {rng.choice(harms)}{event}" for start in (*starts, *less)])

    none = told(("nobody was", "no one was"), (f"none of the {group} was", f"no {group} were"))
    some = ("someone was", "somebody was", "at least one person was")
    one = told(some, ())
    many = told((f"three {group} were", f"several {group} were", f"two of the {group} were"), some)
    return none, rng.choice((one, Side(many.texts, tuple(c for c in many.claims if "one" in c))))


def _verdict(rng: random.Random) -> Case:
    """A yes, or a no."""
    base, past, against = rng.choice(VERDICTS)
    thing, body = rng.choice(THINGS[base].split(",")), rng.choice(BODIES)
    when = rng.choice(WHEN)
    no = [f"{body} did not {base} {thing}", *(f"{body} {verb} {thing}" for verb in against)]
    yes = [f"{body} {past} {thing}"]
    if base not in ("win", "sign", "keep"):
        was, was_not = f"{thing} was {past}", f"{thing} was not {past}"
        return (
            _side([y + when for y in (*yes, f"{was} by {body}")], [*yes, was]),
            _side([n + when for n in (*no, f"{was_not} by {body}")], [*no, was_not]),
        )
    return _side([y + when for y in yes], yes), _side([n + when for n in no], no)


def _tense(rng: random.Random) -> Case:
    """Still to come, or done."""
    base, past = rng.choice(PLANS)
    body, when = rng.choice((*BODIES, *NAMES)), f" in {rng.choice(MONTHS)}"
    ahead = ("will", "is going to", "is expected to", "plans to", "is due to")
    coming = [f"{body} {verb} {base}{when}" for verb in ahead]
    less = [f"{body} has not yet {_participle(past)}", f"{body} is still to {base}"]
    done = [f"{body} {past}", f"{body} has already {_participle(past)}"]
    return _side(coming, less), _side([f"{body} {past}{when}"], done)


def _participle(past: str) -> str:
    verb, _, rest = past.partition(" ")
    return f"{ {'chose': 'chosen', 'gave': 'given'}.get(verb, verb) } {rest}"


def _state(rng: random.Random) -> Case:
    """What became of a thing."""
    thing, did, became, undid, stayed = rng.choice(STATES)
    body, when = rng.choice((*BODIES, *NAMES)), rng.choice(WHEN)
    be = "were" if thing.endswith("lights") else "was"

    def told(verb: str, states: tuple[str, ...]) -> Side:
        less = [f"{thing} {be} {state}" for state in states]
        return _side([f"{body} {verb} {thing}{when}"], less)

    return told(did, became), told(undid, stayed)


def _place(rng: random.Random) -> Case:
    """Who is where."""
    a, b = rng.sample((BEINGS if rng.random() < 0.5 else []) + OBJECTS, 2)
    (past, now), side = rng.choice(POSES), rng.choice(SIDES)

    def told(a: str, b: str) -> Side:
        texts = [
            f"the {a} {past} {side} the {b}",
            f"a {a} {past} {side} a {b}",
            f"a {a} was {now} {side} a {b}",
        ]
        return _side(texts, [f"there was a {a} {side} a {b}"])

    return told(a, b), told(b, a)


KINDS: dict[str, Callable[[random.Random], Case]] = {
    "roles": _roles,
    "nobody": _nobody,
    "verdict": _verdict,
    "tense": _tense,
    "state": _state,
    "place": _place,
}
"""What the cases are about."""


def plain_pairs(pairs: int, *, name: str, rng: random.Random) -> list[AlignmentExample]:
    """Make labelled pairs of short sentences and claims.

    Args:
        pairs: How many.
        name: Dataset name of the result.
        rng: Draws everything.

    Returns:
        Examples for the `tri` head: as many entailed as contradicted ones, and some neutral ones.
    """
    made = _made(name, rng)
    return [next(made) for _ in range(pairs)]


def _made(name: str, rng: random.Random) -> Iterator[AlignmentExample]:
    """Pairs without end."""
    before = [make(rng) for make in KINDS.values()]
    while True:
        for kind, make in KINDS.items():
            case = make(rng)
            for own, opposite in (case, case[::-1]):
                text = _among(rng.choice(own.texts), before, rng)
                for claim, label in ((rng.choice(own.claims), 0), (rng.choice(opposite.claims), 2)):
                    yield AlignmentExample(name, text, claim, "tri", label, kind)
                if rng.random() < 2 * NEUTRAL:
                    elsewhere = rng.choice(KINDS[rng.choice([k for k in KINDS if k != kind])](rng))
                    yield AlignmentExample(name, text, rng.choice(elsewhere.claims), "tri", 1, kind)
            before = [*before[1:], case]


def _among(sentence: str, others: list[Case], rng: random.Random) -> str:
    """The sentence, alone or among one or two about something else."""
    if rng.random() >= AMONG_OTHERS:
        return sentence
    texts = [rng.choice(case[0].texts) for case in rng.sample(others, rng.choice((1, 2)))]
    texts.insert(rng.randint(0, len(texts)), sentence)
    return " ".join(texts)
