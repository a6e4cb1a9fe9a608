"""Questions as statements: sentences written by hand, and what must hold of any on SQuAD."""

import gzip
import json
import re
from pathlib import Path

import pytest

from alignscore_metric.training.declarative import (
    IRREGULAR,
    VERBS,
    declarative,
    past,
    place_phrase,
    third_person,
    time_phrase,
)

STATEMENTS = [
    # the answer is the subject
    ("Who wrote Emma?", "Jane Austen", "Jane Austen wrote Emma."),
    ("What caused the fire?", "a spark", "A spark caused the fire."),
    ("Which company sued Apple in 2005?", "Creative", "Creative sued Apple in 2005."),
    ("Who was elected in 1860?", "Lincoln", "Lincoln was elected in 1860."),
    ("What can cause fever?", "viruses", "Viruses can cause fever."),
    ("Who has won the cup?", "Brazil", "Brazil has won the cup."),
    ("What town is located in Ohio?", "Akron", "Akron is located in Ohio."),
    ("What percentage of homes burned?", "42", "42% of homes burned."),
    ("What kind of bond is formed?", "covalent", "Covalent bond is formed."),
    ("What name was given to the plot?", "Amboise", "The name Amboise was given to the plot."),
    ("Which cities has two rivers?", "Lyon and Koblenz", "Lyon and Koblenz have two rivers."),
    # what is, who is
    ("What is the capital of Peru?", "Lima", "The capital of Peru is Lima."),
    ("What was the name given to the ship?", "Vasa", "The name given to the ship was Vasa."),
    ("Who was the first king of Bavaria?", "Otto", "Otto was the first king of Bavaria."),
    ("What nationality was Chopin?", "Polish", "Chopin was Polish."),
    ("Which city is the seat of the court?", "Luxembourg", "Luxembourg is the seat of the court."),
    ("What is the fish called?", "tench", "The fish is called tench."),
    ("What was the army named after?", "Hunan", "The army was named after Hunan."),
    # the answer is an object
    ("What city did the Qing lose in 1853?", "Nanjing", "The Qing lost Nanjing in 1853."),
    ("What does the stadium hold?", "80,000 people", "The stadium holds 80,000 people."),
    ("Who did Chopin work with?", "Fontana", "Chopin worked with Fontana."),
    ("What did Sand try to avoid?", "the press", "Sand tried to avoid the press."),
    ("What act did they use to end it?", "a decree", "They used a decree to end it."),
    ("What has the house become?", "a museum", "The house has become a museum."),
    ("What should students bring to class?", "a pen", "Students should bring a pen to class."),
    # time, place, reason
    ("When was Notre Dame founded?", "1842", "Notre Dame was founded in 1842."),
    ("When did Jenny visit?", "3 May 1830", "Jenny visited on 3 May 1830."),
    ("In what year did she move?", "1901", "She moved in 1901."),
    ("What year was the bridge built?", "1883", "The bridge was built in 1883."),
    ("Where was Tesla born?", "Smiljan", "Tesla was born in Smiljan."),
    ("Where did they study?", "Yale University", "They studied at Yale University."),
    ("Where did he go?", "Vienna", "He went to Vienna."),
    ("Where is the palace?", "in the park", "The palace is in the park."),
    ("To whom was the letter sent?", "the queen", "The letter was sent to the queen."),
    ("Why did Grim leave?", "To fetch a coat", "Grim left to fetch a coat."),
    ("Where did he live when he wrote it?", "Rome", "He lived in Rome when he wrote it."),
    ("In 1853, who took Nanjing?", "the Taiping", "In 1853, the Taiping took Nanjing."),
    # how many, how long
    ("How many people live in Oslo?", "700,000", "700,000 people live in Oslo."),
    ("How many awards did she win?", "three", "She won three awards."),
    ("How many states are there in Brazil?", "26", "There are 26 states in Brazil."),
    ("How much money did Comcast offer?", "$54 billion", "Comcast offered $54 billion."),
    ("How long did Lee rule?", "two years", "Lee ruled for two years."),
    ("How long did the war last?", "six weeks", "The war lasted six weeks."),
    ("How old was Chopin when he left?", "20", "Chopin was 20 years old when he left."),
    ("How many years did she teach?", "nine", "She taught for nine years."),
    # yes and no
    ("Did the French hold the fort?", "yes", "The French held the fort."),
    ("Does Montana have a sales tax?", "No.", "Montana does not have a sales tax."),
    ("Can penguins fly?", "no", "Penguins cannot fly."),
    ("Is Java a compiled language?", "Yes", "Java is a compiled language."),
    ("Was the colour named after the fruit?", "no", "The colour was not named after the fruit."),
    ("Is there life on Mars?", "No", "There is not life on Mars."),
    ("Is the bridge being rebuilt?", "yes", "The bridge is being rebuilt."),
    # the question is a statement already
    ("The revolt took place in what year?", "1770", "The revolt took place in 1770."),
    ("The first to fly there was whom?", "Shepard", "The first to fly there was Shepard."),
]

NOT_SURE = [
    ("How did they get there?", "by train"),  # manner
    ("Why was it closed?", "low attendance"),  # no reason by its form
    ("Where was it hidden?", "city wall"),  # in, on, behind?
    ("What did he say?", "that it rained"),  # a clause
    ("What happened in 1666?", "London burned"),
    ("What didn't sell?", "the book"),  # a negation that must not be lost
    ("Which statement is NOT true?", "Cats bark"),
    ("Who came first, Ann or Bob?", "Ann"),
    ("Who killed Seki and why?", "Juzo"),
    ("What is true of Lisa?", "She moved north"),
    ("Who is it?", "They are late"),  # the answer is a sentence
    ("Did the team ever win a cup?", "yes"),  # `ever won`
    ("Do all ghosts appear?", "no"),  # all not, or not all
    ("Is it day or night?", "yes"),
    ("What did Ann give the boy?", "a book"),  # two objects
    ("When did it end?", "Napoleon"),  # no time
    ("How many did he see?", "Paris"),
    ("What colour did Matisse say could cheer?", "blue"),
    ("Which poll in 2004 named him first?", "ABC"),  # `in 2004` would be lost
    ("Name the capital of Peru", "Lima"),
    ("", "Lima"),
    ("Who wrote it?", ""),
    ("Who wrote it?", "Ann? Bob"),
]


@pytest.mark.parametrize(("question", "answer", "statement"), STATEMENTS)
def test_statements(question: str, answer: str, statement: str) -> None:
    assert declarative(question, answer) == statement


@pytest.mark.parametrize(("question", "answer"), NOT_SURE)
def test_where_no_rule_is_sure(question: str, answer: str) -> None:
    assert declarative(question, answer) is None


def test_small_words_of_the_answer_change_their_case() -> None:
    assert declarative("What did he build?", "The old port") == "He built the old port."
    assert declarative("What was shown?", "iPod photo") == "iPod photo was shown."
    assert declarative("When did she stop?", "During the break") == "She stopped during the break."
    assert declarative("What did she sing?", "A Song to Remember") == (
        "She sang A Song to Remember."
    )


def test_a_wrong_answer_makes_the_same_sentence() -> None:
    right = declarative("What city did the Qing lose in 1853?", "Nanjing")
    wrong = declarative("What city did the Qing lose in 1853?", "Tianjin")
    assert right is not None
    assert wrong == right.replace("Nanjing", "Tianjin")


@pytest.mark.parametrize(
    ("base", "form"),
    [
        ("lose", "lost"),
        ("plan", "planned"),
        ("visit", "visited"),
        ("play", "played"),
        ("carry", "carried"),
        ("admit", "admitted"),
        ("fix", "fixed"),
        ("lie", "lay"),
        ("reach", "reached"),
        ("use", "used"),
        ("begin", "began"),
        ("hit", "hit"),
    ],
)
def test_past_tenses(base: str, form: str) -> None:
    assert past(base) == form


def test_third_persons() -> None:
    forms = [third_person(v) for v in ("have", "go", "reach", "carry", "play", "miss", "fix", "be")]
    assert forms[:-1] == ["has", "goes", "reaches", "carries", "plays", "misses", "fixes"]


def test_irregular_verbs_are_known_verbs() -> None:
    assert set(IRREGULAR) <= VERBS


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        ("1853", "in 1853"),
        ("late 2008", "in late 2008"),
        ("June 1849", "in June 1849"),
        ("October 29, 2012", "on October 29, 2012"),
        ("12 January 1951", "on 12 January 1951"),
        ("Monday", "on Monday"),
        ("5 p.m.", "at 5 p.m."),
        ("1930s", "in the 1930s"),
        ("14th century", "in the 14th century"),
        ("Before the war", "before the war"),
        ("two years ago", "two years ago"),
        ("a cat", None),
    ],
)
def test_time_phrases(answer: str, phrase: str | None) -> None:
    assert time_phrase(answer) == phrase


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        ("Paris", "in Paris"),
        ("the Bronx", "in the Bronx"),
        ("Stafford House", "at Stafford House"),
        ("Long Island", "on Long Island"),
        ("St. John's, Newfoundland", "in St. John's, Newfoundland"),
        ("Big ears", None),
        ("1 March", None),
        ("school", None),
    ],
)
def test_place_phrases(answer: str, phrase: str | None) -> None:
    assert place_phrase(answer) == phrase


@pytest.fixture(scope="module")
def squad(shared: Path) -> list[tuple[str, str]]:
    """Questions and right answers of SQuAD."""
    with gzip.open(shared / "train" / "squad.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = [row["text_b"].split("? ", 1) for row in rows if row["label"] == 1]
    return [(f"{parts[0]}?", parts[1]) for parts in found if len(parts) == 2]


def test_on_squad_statements_keep_what_the_pair_says(squad: list[tuple[str, str]]) -> None:
    """It is a statement by its form, and the answer stands in it."""
    made = [(q, a, s) for q, a in squad if (s := declarative(q, a)) is not None]
    assert 0.55 < len(made) / len(squad) < 0.70  # read: nine in ten of these are good sentences
    for question, answer, statement in made:
        assert statement.endswith(".")
        assert "?" not in statement
        asks = re.match(
            r"(?:who|whom|what|which|when|where|how|did|does|do|has)\b", statement, re.I
        )
        assert not asks or statement[0].lower() == answer[0].lower(), statement
        said = re.sub(r"\W", "", statement.lower())
        content = [w for w in re.findall(r"\w+", answer.lower()) if len(w) > 3]
        assert all(word in said for word in content), (question, answer, statement)


def test_on_squad_no_word_is_made_up(squad: list[tuple[str, str]]) -> None:
    """Words of a statement stand in the pair, but for inflected verbs and small words."""
    small = {
        "in",
        "on",
        "at",
        "to",
        "the",
        "for",
        "there",
        "of",
        "years",
        "old",
        "not",
        "cannot",
        "age",
    }
    stems = {form: base for base in VERBS for form in (past(base), third_person(base))}
    for question, answer in squad:
        statement = declarative(question, answer)
        if statement is None:
            continue
        known = set(re.findall(r"\w+", f"{question} {answer}".lower())) | small
        for word in re.findall(r"\w+", statement.lower()):
            base = stems.get(word, word)
            be = word in ("are", "were", "have", "is")  # agreement; `what's`
            plural = word in known or f"{word}s" in known or f"{word}es" in known
            assert word in known or base in known or be or plural or f"{word[:-1]}ies" in known, (
                question,
                answer,
                statement,
                word,
            )
