"""The data cards against the files, the training record and each other; their Markdown pages."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from card_pages import INDEX, code, escape, main, render_card, render_pages
from describe_datasets import load_statistics, split_of

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.leaderboards.cards import Card, Count, get_card, load_cards, parse_card

PROJECT = Path(__file__).resolve().parents[1]
CARDS = load_cards()
TRAINING = [card for card in CARDS.values() if card.role == "training"]
EVALUATION = [card for card in CARDS.values() if card.role == "evaluation"]


def mixture(name: str) -> set[str]:
    return {card.name for card in CARDS.values() if name in card.mixtures}


def test_mixtures_are_those_of_the_papers():
    assert len(mixture("alignscore_15")) == 15
    assert len(mixture("align_28")) == 28
    assert mixture("alignscore_15") < mixture("align_28")
    assert {card.role for card in CARDS.values() if card.mixtures} == {"training"}


def test_mini_is_what_its_training_record_says():
    record = PROJECT / "alignscore_metric" / "models" / "mini" / "training.json"
    runs = json.loads(record.read_text(encoding="utf-8"))["runs"]
    of_file = {
        file.removesuffix(".jsonl"): card.name
        for card in CARDS.values()
        if card.role == "training"
        for source in card.sources
        for file in source.files
    }
    used = {found["name"].split("+")[0] for run in runs for found in run["sets"]}
    assert mixture("mini") == {of_file[name] for name in used - {"plain claims"}}  # made by rules


def count_lines(path: Path) -> Count:
    """Rows and positives of a training file, without reading it as JSON.

    Graded rows, and documents with summaries, have no positives.
    """
    labels: Counter[bytes] = Counter()
    with gzip.open(path) as lines:
        for line in lines:
            labels[line[max(line.rfind(b'"label_type"'), 0) :].strip()[:40]] += 1
    positive = {b'"label_type": "bin", "label": 1}', b'"label_type": "tri", "label": 0}'}
    positives = sum(rows for label, rows in labels.items() if label in positive)
    classes = all(
        label.startswith((b'"label_type": "bin"', b'"label_type": "tri"')) for label in labels
    )
    return Count(rows=sum(labels.values()), positives=positives if classes else None)


@pytest.mark.slow
def test_found_counts_are_those_of_the_training_files(shared):
    named = {
        f"{file}.gz": card.splits[split_of(card, file)].found
        for card in TRAINING
        for source in card.sources
        for file in source.files
    }
    files = {path.name: path for path in (shared / "train").glob("*.jsonl.gz")}
    assert set(named) <= set(files)  # files of sets that nothing here was trained on have no card
    assert named == {name: count_lines(files[name]) for name in named}


def test_splits_without_a_file_have_no_found_count():
    for card in TRAINING:
        with_file = {split_of(card, file) for source in card.sources for file in source.files}
        assert {name for name, split in card.splits.items() if split.found} == with_file, card.name


@pytest.mark.parametrize("card", EVALUATION, ids=lambda card: card.name)
def test_related_training_sets_have_cards(card):
    assert {one.dataset for one in card.overlaps} <= {card.name for card in TRAINING}


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
def test_bibtex_agrees_with_the_paper(card):
    bibtex = card.paper.bibtex
    assert bibtex.count("{") == bibtex.count("}")
    fields = dict(re.findall(r"(\w+)\s*=\s*[{\"]*(.*?)[}\"]*,?\s*$", bibtex, flags=re.MULTILINE))

    def letters(text: str) -> str:
        return re.sub(r"\W", "", text).lower()

    assert fields["year"] == str(card.paper.year)
    assert letters(fields["title"]) == letters(card.paper.title)
    assert fields["author"]


def positives(labels: dict[str, int]) -> int | None:
    """Rows of the positive class; None where judgments are graded alone."""
    kinds = {"bin": "bin 1", "tri": "tri 0", "0": "1", "1": "1"}
    return next((labels.get(kinds[one[:3]], 0) for one in labels if one != "none"), None)


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
def test_stored_statistics_agree_with_the_card(card):
    statistics = load_statistics(card)
    found = {name: split.found for name, split in card.splits.items() if split.found}
    if statistics is None:
        assert not any(count.rows for count in found.values())
        return
    assert {name: split.rows for name, split in statistics.splits.items()} == {
        name: count.rows for name, count in found.items() if count.rows
    }
    for name, split in statistics.splits.items():
        assert found[name].positives in (positives(split.labels), None), name
    assert {one.dataset for one in statistics.overlaps} <= set(CARDS)


def test_overlaps_in_pairs_are_seen_from_both_sides():
    stored = {name: load_statistics(card) for name, card in CARDS.items()}
    pairs = {
        (name, one.dataset) for name, found in stored.items() if found for one in found.overlaps
        if one.pair
    }  # fmt: skip
    assert pairs
    assert pairs == {(other, name) for name, other in pairs}


def test_an_unknown_card_is_an_error_that_names_those_like_it():
    with pytest.raises(ConfigurationError, match="snli"):
        get_card("snil")


def test_committed_pages_are_the_rendering():
    pages = render_pages()
    folder = PROJECT / "docs" / "data_cards"
    assert (
        {file.name for file in folder.iterdir()}
        == set(pages)
        == {INDEX} | {f"{name}.md" for name in CARDS}
    )
    drifted = [
        name for name, page in pages.items() if (folder / name).read_text("utf-8") != page
    ]  # fmt: skip
    assert not drifted, "run `python tools/card_pages.py`"


def test_the_script_writes_every_page(tmp_path, capsys):
    assert main(["--output", str(tmp_path / "new")]) == 0
    files = (tmp_path / "new").iterdir()
    assert {file.name: file.read_text("utf-8") for file in files} == render_pages()
    assert capsys.readouterr().out.startswith(f"{len(CARDS) + 1} pages in ")


@pytest.fixture(scope="module")
def parse():
    markdown_it = pytest.importorskip("markdown_it")
    return markdown_it.MarkdownIt("gfm-like", {"linkify": False}).parse


def tables(tokens) -> list[list[list[str]]]:
    """The texts of the cells, by table and line."""
    found: list[list[list[str]]] = []
    for place, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            found[-1][-1].append(plain(tokens[place + 1]))
    return found


def plain(token) -> str:
    kinds = ("text", "code_inline", "text_special")
    return "".join(child.content for child in token.children or () if child.type in kinds)


HOSTILE = [
    "a|b || c",
    "*stars* _lines_ __more__ ~~gone~~ `code` ``x``",
    "<script>alert(1)</script> &lt; &amp; <http://a.b>",
    "[link](http://x) ![image](y) [^1]",
    "\\ back \\| slash",
    "# heading",
    "1. first",
    "- item + more",
    "snake_case_name and x_1",
    "https://example.org/a_b_c",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_is_shown_as_it_is(parse, text):
    (paragraph,) = [token for token in parse(escape(text)) if token.type == "inline"]
    assert parse(escape(text))[0].type == "paragraph_open"
    assert plain(paragraph) == text
    cell = tables(parse(f"| a | b |\n|---|---|\n| {escape(text)} | {code(text)} |"))[0][1]
    assert cell == [text, text]


def hostile_card() -> Card:
    card = get_card("qags_cnndm")
    changed = {
        "title": "A | title <b>",
        "annotation": "one | two\nthree | `four` <i>",
        "label_rule": "x || y",
        "known_defects": ("a | *b*", "1. c"),
    }
    return card.model_copy(update=changed)


def test_a_page_holds_every_field_whatever_its_text(parse):
    card = hostile_card()
    tokens = parse(render_card(card, load_statistics(card)))
    for one in tables(tokens):
        assert len({len(line) for line in one}) == 1
    facts = dict(tables(tokens)[0])
    assert facts["Annotation"] == "one | two three | `four` <i>"
    assert facts["Label"] == card.label_rule
    assert facts["Licence"] == f"{card.licence.name} ({card.licence.source})"
    texts = [plain(token) for token in tokens if token.type == "inline"]
    assert card.title in texts
    assert set(card.known_defects) <= set(texts)
    assert any(token.content.strip() == card.paper.bibtex for token in tokens)
    assert not any(token.type.startswith("html") for token in tokens)


def test_differences_from_the_published_counts_are_marked(parse):
    card = get_card("true_mnbm")
    (sizes,) = [one for one in tables(parse(render_card(card, None))) if one[0][0] == "split"]
    assert sizes[1][:4] == ["all", "2,500", "2,470", "-30"]
    assert "**-30**" in render_card(card, None)
    same = parse_card(
        (PROJECT / "data_cards/evaluation/qags_xsum.yaml").read_text("utf-8"), where="qags_xsum"
    )
    assert "**" not in render_card(same, None)


def test_the_index_lists_every_card(parse):
    listed = [line[0] for one in tables(parse(render_pages()[INDEX])) for line in one[1:]]
    assert set(listed) == set(CARDS)
