"""Tests of text.splitters: splitters, chunking, and the shipped Punkt parameters."""

import gzip
import itertools
import json
import os
import pickle
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
import train_punkt as punkt
from hypothesis import given, settings
from hypothesis import strategies as st

from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.text import splitters as text_module
from alignscore_metric.text.cutting import break_ranks, cut_evenly
from alignscore_metric.text.forms import one_form
from alignscore_metric.text.ngrams import normalise
from alignscore_metric.text.punkt import RULES
from alignscore_metric.text.splitters import SentenceSplitter, chunk, chunk_passages, get_splitter

BUNDLED = Path(text_module.__file__).parent / "punkt_english"
SUMMAC = ("cogensumm", "xsumfaith", "polytope", "factcc", "summeval", "frank")

HOSTILE = {
    "nul": "A\0b. \0 Next\0.",
    "lone surrogates": "High \ud800 here. Low \udfff there.",
    "emoji": "Fine 👩‍👩‍👧‍👦! Really 🏳️‍🌈? Yes 😀.",
    "right to left": "שלום עולם. مرحبا بالعالم؟ نعم.",
    "no space at all": "字" * 50_000,
    "marks only": "?!.)\"'" * 5_000,
    "dots": "." * 100_000,
    "spaced dots": ". " * 20_000,
    "quotes": "End. " + '"' * 100_000 + " New.",
    "blank lines": "One.\n\n\n\r\n\t Two.\u2028Three.\x85Four.",
    "long words": "a" * 100_000 + ". " + "B" * 100_000 + ". C",
}


@dataclass(frozen=True)
class LineSplitter:
    """A splitter that needs no rules: every non-blank line is a sentence."""

    name: str = "lines"

    def split(self, text: str) -> list[str]:
        return [line for line in text.split("\n") if line.strip()]


@pytest.fixture(params=["bundled_punkt", "nltk_punkt"])
def splitter(request: pytest.FixtureRequest) -> SentenceSplitter:
    """Each splitter in turn; NLTK's needs the shared folder, the bundled one does not."""
    if request.param == "nltk_punkt":
        request.getfixturevalue("nltk_data")
    return get_splitter(request.param)


def lines(words: int, sentences: int) -> str:
    """A text of that many words over that many lines, as evenly as can be."""
    tokens = [f"w{number}" for number in range(words)]
    cuts = [words * number // sentences for number in range(sentences + 1)]
    return "\n".join(" ".join(tokens[a:b]) for a, b in itertools.pairwise(cuts))


def inner_ends(text: str, sentences: list[str]) -> set[int]:
    """Offsets at which sentences end, without the last one's."""
    ends = [0]
    for sentence in sentences:
        ends.append(text.index(sentence, ends[-1]) + len(sentence))
    return set(ends[1:-1])


def read_summac_val(shared: Path, every: int) -> list[str]:
    """Every n-th distinct text of SummaC's validation halves."""
    texts: dict[str, None] = {}
    for name in SUMMAC:
        with gzip.open(shared / "benchmarks" / "uniform" / f"{name}.jsonl.gz", "rt") as rows:
            for row in map(json.loads, rows):
                if row["split"] == "val":
                    texts.update(dict.fromkeys((row["source"], row["summary"])))
    return list(texts)[::every]


# Chunking. The vectors are the reference implementation's (facts.md, section A).


@pytest.mark.parametrize(
    ("words", "sentences", "chunks"),
    [
        (349, 20, 1),
        (350, 20, 2),
        (699, 20, 2),
        (700, 10, 4),
        (1000, 40, 4),
        (1751, 59, 7),
        (5000, 10, 10),
    ],
)
def test_number_of_chunks_is_the_references(words: int, sentences: int, chunks: int) -> None:
    assert len(chunk(lines(words, sentences), splitter=LineSplitter(), chunk_words=350)) == chunks


def test_chunks_hold_whole_sentences_joined_by_a_space() -> None:
    text = "a b\nc d\ne f\ng h\ni j"
    assert chunk(text, splitter=LineSplitter(), chunk_words=6) == ["a b c d", "e f g h", "i j"]


@pytest.mark.parametrize("text", ["", "   ", "\n\t \u2003\n"])
def test_blank_text_has_no_sentence_and_one_empty_chunk(
    splitter: SentenceSplitter, text: str
) -> None:
    assert splitter.split(text) == []
    assert chunk(text, splitter=splitter, chunk_words=350) == [""]


@pytest.mark.parametrize("chunk_words", [0, -1])
def test_chunk_words_below_one_is_refused(chunk_words: int) -> None:
    with pytest.raises(ConfigurationError, match=f"chunk_words is {chunk_words}.*chunk_words=350"):
        chunk("a b", splitter=LineSplitter(), chunk_words=chunk_words)


WORD = st.text(alphabet="abAB.?!\u00e9\u05d0\U0001f600'\"(", min_size=1, max_size=6)
LINES = st.lists(st.lists(WORD, min_size=1, max_size=9).map(" ".join), max_size=12).map("\n".join)


@given(text=LINES, chunk_words=st.integers(1, 20))
def test_chunks_keep_every_word_in_order(text: str, chunk_words: int) -> None:
    chunks = chunk(text, splitter=LineSplitter(), chunk_words=chunk_words)
    assert " ".join(chunks).split() == text.split()


@given(text=LINES, chunk_words=st.integers(1, 20))
def test_number_of_chunks_follows_the_formula(text: str, chunk_words: int) -> None:
    sentences = sum(1 for line in text.splitlines() if line.strip()) or 1
    aim = len(text.split()) // chunk_words + 1
    per_chunk = sentences // aim if sentences >= aim else 1
    chunks = chunk(text, splitter=LineSplitter(), chunk_words=chunk_words)
    assert len(chunks) == (sentences + per_chunk - 1) // per_chunk


@given(text=st.text(max_size=200))
def test_bundled_sentences_are_the_text_without_whitespace_between(text: str) -> None:
    sentences = get_splitter("bundled_punkt").split(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())


# Passages.


def test_chunks_never_cross_passages() -> None:
    passages = ["a b\nc d", "e f\ng h", "i"]
    together = chunk_passages(passages, splitter=LineSplitter(), chunk_words=350)
    assert together == ["a b c d", "e f g h", "i"]
    apart = chunk_passages(passages, splitter=LineSplitter(), chunk_words=4)
    assert apart == ["a b", "c d", "e f", "g h", "i"]


def test_one_text_is_one_passage() -> None:
    text = lines(1000, 40)
    expected = chunk(text, splitter=LineSplitter(), chunk_words=350)
    assert chunk_passages(text, splitter=LineSplitter(), chunk_words=350) == expected


@pytest.mark.parametrize("source", ["", [], [""], ["", " \n"], ()])
def test_a_source_without_text_is_one_empty_chunk(source: str | list[str]) -> None:
    assert chunk_passages(source, splitter=LineSplitter(), chunk_words=350) == [""]


def test_blank_passages_beside_others_give_no_chunk() -> None:
    source = ["", "a b", "  "]
    assert chunk_passages(source, splitter=LineSplitter(), chunk_words=350) == ["a b"]


# Parity with the reference implementation and with NLTK.


def test_splitting_equals_the_reference_on_the_parity_inputs(shared: Path, nltk_data: Path) -> None:
    folder = shared / "parity" / "tiny-roberta"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))["splitting"]
    splitter = get_splitter("nltk_punkt")
    found = []
    for line in (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        chunks = chunk(row["source"], splitter=splitter, chunk_words=350)
        found.append(
            {
                "id": row["id"],
                "chunks": len(chunks),
                "chunk_words": [len(piece.split()) for piece in chunks],
                "sentences": len(splitter.split(row["summary"])),
            }
        )
    assert len(expected) == 64
    assert found == expected


def test_nltk_punkt_is_sent_tokenize(shared: Path, nltk_data: Path) -> None:
    from nltk.tokenize import sent_tokenize

    splitter = get_splitter("nltk_punkt")
    for text in [*read_summac_val(shared, every=20), *HOSTILE.values()]:
        assert splitter.split(text) == sent_tokenize(text)


@pytest.fixture(scope="module")
def nltks_bundled() -> Callable[[str], list[str]]:
    """NLTK's own splitter with the bundled parameters."""
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    parameters = PunktParameters()
    for name, value in vars(text_module._bundled_parameters()).items():
        setattr(parameters, name, value)
    return PunktSentenceTokenizer(parameters).tokenize


def by_rules_alone(text: str) -> list[str]:
    """Sentences by the bundled parameters and NLTK's rules, without those of `ends`."""
    tokenizer = get_splitter("bundled_punkt").tokenizer  # type: ignore[attr-defined]
    return [text[start:stop] for start, stop in tokenizer.spans(text) if start < stop]


@pytest.mark.skipif(version("nltk") != RULES, reason="another NLTK may have other rules")
@pytest.mark.slow
def test_bundled_punkt_follows_nltks_rules(
    shared: Path, nltks_bundled: Callable[[str], list[str]]
) -> None:
    for text in [*read_summac_val(shared, every=10), *HOSTILE.values()]:
        assert by_rules_alone(text) == nltks_bundled(text)


WORDS = "Mr J U.S e.g p.m St the The He however However Zzz 3.5 12 -4,000. \u0130 \u00df \u5b57"
MARKS = ".?!,;:()[]{}\"'`-*&#@\u2018\u2019\u201c\u201d\xab\xbb \n\t\r\x0b\x85\u2028"
# In the engine of NLTK 3.10 \x1c to \x1f are no whitespace; in Python's, as before, they are.
PIECES = st.sampled_from([*WORDS.split(), *MARKS, "...", ". . .", "--", "  ", "\n\n"])


@pytest.mark.skipif(version("nltk") != RULES, reason="another NLTK may have other rules")
@settings(max_examples=1_000, deadline=None)
@given(text=st.lists(PIECES, max_size=40).map("".join))
def test_bundled_punkt_follows_nltks_rules_on_odd_texts(
    nltks_bundled: Callable[[str], list[str]], text: str
) -> None:
    assert by_rules_alone(text) == nltks_bundled(text)


def test_bundled_punkt_agrees_with_nltk_on_summac_val(shared: Path, nltk_data: Path) -> None:
    # 0.998 on all 6,632 texts; Punkt without any parameters has 0.990.
    texts = read_summac_val(shared, every=10)
    reference = get_splitter("nltk_punkt")
    pairs = [
        (inner_ends(text, by_rules_alone(text)), inner_ends(text, reference.split(text)))
        for text in texts
    ]
    both = sum(len(found & expected) for found, expected in pairs)
    total = sum(len(found) + len(expected) for found, expected in pairs)
    assert total > 6_000
    assert 2 * both / total >= 0.995


# The bundled splitter.


@pytest.mark.parametrize(
    "sentences",
    [
        ["Mr. Agius met Dr. Green at 9 a.m. in St. Louis.", "They left."],
        ["The U.S. Senate voted on Jan. 5.", "It failed, e.g. for lack of time."],
        ["She asked why.", '"Nobody knows," said Gov. Brown.', "He smiled!"],
        ["J. K. Rowling wrote it.", "It cost $3.50."],
        ["Acme Inc. and Foo Ltd. merged.", "Nobody cared..."],
    ],
)
def test_bundled_punkt_knows_common_abbreviations(sentences: list[str]) -> None:
    assert get_splitter("bundled_punkt").split(" ".join(sentences)) == sentences


def test_bundled_parameters_are_in_nltks_own_format(no_nltk_data: Path) -> None:
    from nltk.data import FileSystemPathPointer
    from nltk.tokenize.punkt import load_punkt_params

    folder = no_nltk_data / "bundled"
    folder.mkdir()
    for file in BUNDLED.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    theirs = load_punkt_params(FileSystemPathPointer(str(folder)))
    ours = text_module._bundled_parameters()
    assert vars(ours) == vars(theirs)
    assert len(ours.abbrev_types) > 100
    assert len(ours.ortho_context) > 5_000


def test_bundled_data_is_small() -> None:
    assert sum(file.stat().st_size for file in BUNDLED.iterdir()) <= 300_000


def test_bundled_punkt_needs_no_nltk_data(no_nltk_data: Path) -> None:
    assert get_splitter("bundled_punkt").split("Mr. A came. B left.") == ["Mr. A came.", "B left."]


def test_missing_bundled_data_is_a_named_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "__file__", str(tmp_path / "splitters.py"))
    with pytest.raises(MissingResourceError, match="pip install"):
        text_module._bundled_parameters()


# Names, caches, and what is missing.


def test_unknown_splitter_lists_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'spacy'.*bundled_punkt, nltk_punkt"):
        get_splitter("spacy")


def test_missing_nltk_data_names_the_command(no_nltk_data: Path) -> None:
    with pytest.raises(MissingResourceError, match="NLTK_DATA") as caught:
        get_splitter("nltk_punkt")
    assert "python -m nltk.downloader punkt_tab" in str(caught.value)
    assert isinstance(caught.value.__cause__, LookupError)


def test_unreadable_nltk_data_names_the_command(shared: Path, no_nltk_data: Path) -> None:
    folder = no_nltk_data / "tokenizers" / "punkt_tab"
    folder.mkdir(parents=True)
    (folder / "english").symlink_to(shared / "punkt_tab" / "english")
    try:
        get_splitter("nltk_punkt")
    except MissingResourceError as error:  # what NLTK does with the link depends on its version
        assert "python -m nltk.downloader punkt_tab" in str(error)  # noqa: PT017


def test_data_that_arrives_later_is_found(nltk_data: Path) -> None:
    english = nltk_data / "tokenizers" / "punkt_tab" / "english"
    english.rename(nltk_data / "away")
    with pytest.raises(MissingResourceError):
        get_splitter("nltk_punkt")
    (nltk_data / "away").rename(english)
    assert get_splitter("nltk_punkt").split("A b. C d.") == ["A b.", "C d."]


def test_a_splitter_is_built_once_and_can_be_pickled(splitter: SentenceSplitter) -> None:
    assert splitter.name in {"bundled_punkt", "nltk_punkt"}
    assert get_splitter(splitter.name) is splitter
    assert pickle.loads(pickle.dumps(splitter)) is splitter  # noqa: S301


def test_splitting_unknown_words_does_not_grow_the_parameters() -> None:
    splitter = get_splitter("bundled_punkt")
    contexts = splitter.tokenizer.parameters.ortho_context  # type: ignore[attr-defined]
    before = len(contexts)
    splitter.split("Mr. Zzyzxa and Dr. Zzyzxb met J. Zzyzxc.")
    assert len(contexts) == before


def test_importing_the_module_imports_neither_nltk_nor_torch() -> None:
    code = (
        "import sys, alignscore_metric.text.splitters\n"
        "print(*sorted({'nltk', 'torch', 'numpy', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# Hostile texts.


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_keep_all_their_characters(splitter: SentenceSplitter, text: str) -> None:
    assert "".join("".join(splitter.split(text)).split()) == "".join(text.split())
    assert len(chunk(text, splitter=splitter, chunk_words=350)) >= 1


def test_a_long_walk_outlives_nltks_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    redos = pytest.importorskip("nltk.redos", reason="this NLTK has no time limit on patterns")
    monkeypatch.setattr(redos, "DEFAULT_TIMEOUT", 0.01)
    text = "The cat met Mr. Brown at noon. " * 2_000
    assert len(get_splitter("bundled_punkt").split(text)) == 2_000


def test_patterns_are_nltks_own() -> None:
    redos = pytest.importorskip("nltk.redos", reason="this NLTK has no time limit on patterns")
    theirs = redos.compile(r"^ a + $  # spaces do not count", re.MULTILINE | re.VERBOSE)
    ours = text_module._untimed(theirs)
    assert isinstance(ours, re.Pattern)
    assert (ours.pattern, ours.findall("b\naa")) == (theirs.pattern, ["aa"])


@pytest.mark.alone
def test_time_grows_in_proportion_to_the_text() -> None:
    splitter = get_splitter("bundled_punkt")

    def seconds(words: int) -> float:
        text = "the cat saw a dog. " * (words // 5)
        started = time.process_time()
        chunk(text, splitter=splitter, chunk_words=350)
        return time.process_time() - started

    seconds(1_000)
    assert seconds(200_000) < 40 * max(seconds(20_000), 0.02)


# Training the bundled parameters.

DOCUMENTS = [
    "Then she met xyz. Brown by the lake, and he met xyz. Green. The two had come by train.",
    "However, they met by the lake. The train was late, however. John saw the train.",
    "John came by the lake. He and John had met by train, however.",
] * 6


def test_training_learns_abbreviations_starters_and_contexts() -> None:
    parameters = punkt.train_parameters(DOCUMENTS)
    assert parameters.abbreviations - punkt.KNOWN_ABBREVIATIONS == {"xyz"}
    assert "john" not in parameters.contexts  # never in lower case, so of no use to Punkt
    initial_upper, internal_lower = 1 << 1, 1 << 5
    assert parameters.contexts["the"] & initial_upper
    assert parameters.contexts["the"] & internal_lower


def test_training_keeps_topics_out_of_the_sentence_starters() -> None:
    documents = ["John met her by the lake. He was late. John saw the train, and he met her."] * 20
    documents += ["She met her by the train, and then she saw the lake and the late train."] * 20
    everything = punkt.train_parameters(documents, punkt.Pruning(starter_lower_case=0.0))
    assert everything.sentence_starters == {"john", "he", "she"}
    assert punkt.train_parameters(documents).sentence_starters == {"he", "she"}


def test_training_forgets_what_is_rarer_than_the_pruning_asks() -> None:
    pruning = punkt.Pruning(context_count=7, abbreviation_count=13)
    parameters = punkt.train_parameters(DOCUMENTS, pruning)
    assert parameters.abbreviations == punkt.KNOWN_ABBREVIATIONS
    assert "lake" in parameters.contexts
    assert "two" not in parameters.contexts


@pytest.mark.slow
def test_training_twice_writes_equal_files(tmp_path: Path) -> None:
    rows = [json.dumps({"text_a": text, "text_b": "", "label": 1}) for text in DOCUMENTS]
    (tmp_path / "gap.jsonl").write_text("\n".join(rows), encoding="utf-8")
    command = [sys.executable, punkt.__file__]
    for output, seed in (("one", "1"), ("two", "2")):
        subprocess.run(
            [*command, "--data", tmp_path, "--output", tmp_path / output, "--datasets", "gap"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
    written = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert written == sorted(file.name for file in BUNDLED.iterdir())
    for name in written:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    provenance = json.loads((tmp_path / "one" / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["documents"] == 3
    assert provenance["datasets"] == {"gap": "Apache-2.0"}


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"text_a": 3}'])
def test_training_names_the_broken_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "gap.jsonl").write_text(f'{{"text_a": "Fine."}}\n{line}\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        punkt.read_documents(tmp_path, ["gap"])


def test_training_names_the_missing_dataset(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no gap\.jsonl\.gz"):
        punkt.read_documents(tmp_path, ["gap"])


# --- one form


@given(st.text())
def test_composed_and_decomposed_texts_have_one_form(text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    assert one_form(forms[0]) == one_form(forms[1]) == one_form(one_form(text))


@given(st.text(st.characters(max_codepoint=0x17E, exclude_categories=["Cf"])))
def test_european_texts_are_unchanged_but_for_composition(text: str) -> None:
    kept = text.replace("\u00a0", " ")
    for ligature in "\u0132\u0133\u0149":
        kept = kept.replace(ligature, unicodedata.normalize("NFKC", ligature))
    assert one_form(text) == unicodedata.normalize("NFC", kept)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\ufb01rst e\ufb03cient \ufb02oor", "first efficient floor"),
        ("in\u00adspec\u00adtors of\u200bfice \ufeffIt", "inspectors office It"),
        ("\uff11\uff12 \uff46\uff49\uff56\uff45", "12 five"),
        ("\U0001d400\U0001d7d7", "A9"),
        ("six\u00a0weeks well\u2011known", "six weeks well-known"),
        ("10\u00b2 \u00bd \u2460 H\u2082O", "10\u00b2 \u00bd \u2460 H\u2082O"),
        (
            "\u201cIt\u2019s\u201d \u2013 5\u20ac\u2026",
            "\u201cIt\u2019s\u201d \u2013 5\u20ac\u2026",
        ),
        ("\ud800 a", "\ud800 a"),
    ],
)
def test_what_looks_the_same_is_written_the_same(written: str, read: str) -> None:
    assert one_form(written) == read
    assert normalise(written) == normalise(read)


# --- parts of what is too long


def spans_of(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"\w+|[^\w\s]", text)]


@given(st.text(alphabet="ab. ,\n\u3002", max_size=200), st.integers(1, 30))
def test_parts_hold_every_token_and_fit(text: str, size: int) -> None:
    spans = spans_of(text)
    offsets = cut_evenly(break_ranks(text, spans), size)
    assert (offsets[0], offsets[-1]) == (0, len(spans))
    lengths = [last - first for first, last in itertools.pairwise(offsets)]
    assert all(0 < length <= size for length in lengths) or not spans
    assert len(lengths) <= 4 * len(spans) / size + 1


@pytest.mark.parametrize(
    ("text", "size", "ends"),
    [
        ("a b c d\ne f, g h\ni j k l", 5, ["d", "h", "l"]),  # lines before clauses
        ("a b c, d e f g h; i j k l", 7, [",", ";", "l"]),  # clauses before words
        ("a b c d e f g h i j k l", 5, ["d", "h", "l"]),  # all alike: evenly
        ("a b\u3002" * 4, 4, ["\u3002"] * 4),
    ],
)
def test_parts_end_where_lines_and_clauses_do(text: str, size: int, ends: list[str]) -> None:
    spans = spans_of(text)
    cut = [text[slice(*spans[last - 1])] for last in cut_evenly(break_ranks(text, spans), size)[1:]]
    assert cut == ends


def test_no_character_of_two_tokens_is_cut() -> None:
    spans = [(0, 1), (1, 2), (2, 3), (2, 3), (3, 4), (4, 5)]
    assert cut_evenly(break_ranks("abécd", spans), 4) == [0, 2, 6]
