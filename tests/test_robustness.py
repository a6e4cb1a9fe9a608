"""Tests of edits.robustness, leaderboards.robustness and `alignscore robustness`."""

import json
import re
from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from alignscore_metric.commands.main import main
from alignscore_metric.edits.robustness import KINDS, edit_pair
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.leaderboards.metrics import FunctionMetric, word_overlap
from alignscore_metric.leaderboards.robustness import edit_pairs, probe
from alignscore_metric.leaderboards.tables.robustness import render_robustness
from alignscore_metric.scores.intervals import Resampling, estimate
from alignscore_metric.scores.statistics import mean

SOURCE = (
    "Mary Smith met John Brown in London on Monday. The council closed the bridge after 12 "
    "inspectors found cracks. John Brown said that repairs would cost 3,000 pounds. Later Peter "
    "Jones thanked Anna Hill. Nobody was hurt."
)
SUMMARY = (
    'Mary Smith met John Brown in London, where she said "no". The council did not close the '
    "bridge. Repairs would cost 3,000 pounds."
)
QUICK = Resampling(resamples=50)


def only_words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


# ------------------------------------------------------------ edits


@pytest.mark.parametrize(
    ("kind", "summary", "expected"),
    [
        ("lower_case", "Ann met Bo.", "ann met bo."),
        ("upper_case", "Ann met Bo.", "ANN MET BO."),
        ("white_space", "Ann met Bo.", "\nAnn  met  Bo.\n"),
        ("punctuation", "In 1912, Ann had 1,000 cats, dogs.", "In 1912 Ann had 1,000 cats dogs"),
        ("punctuation", "he came , and won .", "he came and won"),
        ("quotes", "\u201cNo,\u201d said Ann\u2019s son.", '"No," said Ann\'s son.'),
        (
            "quotes",
            "\"No,\" said Ann's son of the 'king'.",
            "\u201cNo,\u201d said Ann\u2019s son of the \u2018king\u2019.",
        ),
        ("contractions", "It won't rain and we\u2019re glad.", "It will not rain and we are glad."),
        ("contractions", "Won't it? He can't. I've won.", "Will not it? He cannot. I have won."),
        ("contractions", "They are not late; she will not go.", "They aren't late; she won't go."),
        ("contractions", "It cannot be, and they are sure.", "It can't be, and they're sure."),
        ("number_form", "Of them 30% agreed.", "Of them 30 per cent agreed."),
    ],
)
def test_edits_whose_result_is_known(kind: str, summary: str, expected: str):
    assert edit_pair(SOURCE, summary, kind) == (SOURCE, expected)


@pytest.mark.parametrize(
    ("kind", "summary"),
    [
        ("lower_case", "rain."),
        ("white_space", ""),
        ("quotes", "It rained."),
        ("contractions", "It rained on Ann's roof."),
        ("number_form", "It rained."),
        ("number", "It rained in Leeds."),
        ("entity", "It rained."),
        ("negation", ""),
    ],
)
def test_where_there_is_nothing_to_edit(kind: str, summary: str):
    expected = ("\n\n",) if kind == "white_space" else None
    found = edit_pair(SOURCE, summary, kind)
    assert found == (None if expected is None else (SOURCE, *expected))


def test_the_order_of_a_source_changes_and_nothing_else():
    source, summary = edit_pair(SOURCE, SUMMARY, "source_order")
    assert summary == SUMMARY
    assert source != SOURCE
    assert Counter(source.split()) == Counter(SOURCE.split())
    assert edit_pair("One sentence.", SUMMARY, "source_order") is None


@pytest.mark.parametrize(
    "kind", ["lower_case", "upper_case", "white_space", "punctuation", "quotes"]
)
def test_edits_of_form_leave_the_words(kind: str):
    assert only_words(edit_pair(SOURCE, SUMMARY, kind)[1]) == only_words(SUMMARY)


@pytest.mark.parametrize("seed", range(8))
def test_a_changed_number_is_another_number(seed: int):
    _, edited = edit_pair(SOURCE, SUMMARY, "number", seed=seed)
    assert re.sub(r"\d", "0", edited) == re.sub(r"\d", "0", SUMMARY)
    assert edited != SUMMARY


@pytest.mark.parametrize("seed", range(8))
def test_a_changed_name_is_another_name_of_the_source(seed: int):
    _, edited = edit_pair(SOURCE, SUMMARY, "entity", seed=seed)
    added = Counter(only_words(edited)) - Counter(only_words(SUMMARY))
    assert added
    assert set(added) <= set(only_words(SOURCE))
    assert edited.count(".") == SUMMARY.count(".")


def test_swapped_roles_have_the_same_words():
    _, edited = edit_pair(SOURCE, "Peter Jones thanked Anna Hill.", "roles")
    assert edited == "Anna Hill thanked Peter Jones."


def test_a_negation_is_taken_out_or_put_in():
    assert (
        edit_pair(SOURCE, "The bridge was not closed.", "negation")[1] == "The bridge was closed."
    )
    _, edited = edit_pair(SOURCE, "The bridge was closed.", "negation")
    assert edited in ("The bridge was not closed.", "The bridge wasn't closed.")


@pytest.mark.parametrize("kind", ["number", "date", "entity", "negation", "antonym", "synonyms"])
def test_only_one_sentence_is_changed(kind: str):
    sentences = ["Anna Hill won 12 games on Monday.", "John Brown said it was a big loss."]
    _, edited = edit_pair(SOURCE, " ".join(sentences), kind)
    assert sum(sentence in edited for sentence in sentences) == 1


def test_edits_depend_on_the_seed_and_the_texts_alone():
    alone = edit_pair(SOURCE, SUMMARY, "number", seed=3)
    edit_pair(SUMMARY, SOURCE, "number", seed=3)
    assert edit_pair(SOURCE, SUMMARY, "number", seed=3) == alone
    assert len({edit_pair(SOURCE, SUMMARY, "number", seed=seed) for seed in range(9)}) > 1


def test_a_kind_that_is_none():
    with pytest.raises(
        ConfigurationError, match=r"edit is 'typo'; known edits: lower_case, .*antonym"
    ):
        edit_pair(SOURCE, SUMMARY, "typo")


@pytest.mark.parametrize("kind", KINDS)
def test_texts_without_words(kind: str):
    for source, summary in (("", ""), ("", "..."), ("\ud800 \x00", "\ud800"), ("a", "'\" '")):
        found = edit_pair(source, summary, kind)
        assert found is None or found != (source, summary)


# ------------------------------------------------------------ the probe


def overlap_metric() -> FunctionMetric:
    return FunctionMetric(
        "overlap", lambda sources, summaries: list(map(word_overlap, sources, summaries)),
        signature="o",
    )  # fmt: skip


def test_the_numbers_of_the_probe(example_rows):
    rows = [row for row in example_rows if isinstance(row["source"], str)]
    sources, summaries = ([row[key] for row in rows] for key in ("source", "summary"))
    pairs = edit_pairs(sources, summaries, ["number", "upper_case"], seed=1)
    found = probe(overlap_metric(), pairs, QUICK)
    edited = [
        (word_overlap(s, t), word_overlap(*made))
        for s, t in zip(sources, summaries, strict=True)
        if (made := edit_pair(s, t, "number", seed=1))
    ]
    before, after = np.array(edited).T
    number, upper = found.effects
    assert (number.kind, number.preserves, number.rows) == ("number", False, len(edited))
    assert number.before == pytest.approx(before.mean())
    assert number.change.value == pytest.approx((after - before).mean())
    assert number.change.low < number.change.value < number.change.high
    assert number.falls == pytest.approx((after < before).mean())
    assert number.rises == pytest.approx((after > before).mean())
    expected = roc_auc_score([1] * len(edited) + [0] * len(edited), [*before, *after])
    assert number.auc.value == pytest.approx(expected)
    assert (upper.preserves, upper.rows, upper.falls, upper.rises) == (True, len(rows), 0, 0)
    assert (upper.change.value, upper.auc.value) == (0, 0.5)


def test_scores_that_are_undefined_are_left_out():
    """A summary of function words has no overlap; an edit that cannot be made has no row."""
    pairs = edit_pairs(
        [SOURCE] * 3,
        ["It was.", SUMMARY, "Peter Jones thanked Anna Hill."],
        ["upper_case", "roles"],
    )
    upper, roles = probe(overlap_metric(), pairs, QUICK).effects
    assert upper.rows == 2
    assert roles.rows == 1
    nothing = edit_pairs([SOURCE], ["It rained."], ["number"])
    (number,) = probe(overlap_metric(), nothing, QUICK).effects
    assert number.rows == 0
    assert all(np.isnan([number.before, number.falls, number.change.value, number.auc.value]))


@pytest.mark.parametrize(
    ("sources", "summaries", "kinds", "error", "message"),
    [
        ([], [], ["number"], InputError, "0 sources and 0 summaries"),
        (["a"], [], ["number"], InputError, "1 sources and 0 summaries"),
        (["a"], ["a"], ["number", "number"], ConfigurationError, "given twice"),
        (["a"], ["a"], ["typo"], ConfigurationError, "known edits"),
    ],
)
def test_pairs_that_cannot_be_edited(sources, summaries, kinds, error, message: str):
    with pytest.raises(error, match=message):
        edit_pairs(sources, summaries, kinds)


def test_the_interval_of_a_mean_covers():
    """95% intervals of the mean of 40 documents' values, 400 times: they hold it 92 to 98 times
    in a hundred (three standard errors), rows of one document being equal."""
    rng = np.random.default_rng(0)
    documents = np.repeat(np.arange(40), 2)
    held = 0
    for _ in range(400):
        values = np.repeat(rng.uniform(-1, 1, 40) ** 3 * 0.5 + 0.1, 2)
        found = estimate(mean(values), documents, Resampling(resamples=200), lowest=-1.0)
        held += found.low <= 0.1 <= found.high
    assert 0.92 <= held / 400 <= 0.98


# ------------------------------------------------------------ tables and the command


@pytest.fixture
def rows_file(tmp_path):
    rows = [
        {"source": [SOURCE, "More."], "summary": SUMMARY},
        {"source": SOURCE, "summary": "The council closed the bridge."},
        {"source": f"{SOURCE} It rained.", "summary": "It rained on 12 inspectors."},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_command_in_every_format(rows_file, tmp_path, capsys):
    argv = ["robustness", str(rows_file), "--metric", "overlap", "--metric", "rouge1_precision"]
    argv += ["--resamples", "20"]
    assert main([*argv, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["metric"] for one in found["metrics"]] == ["overlap", "rouge1_precision"]
    assert [one["kind"] for one in found["metrics"][1]["effects"]] == list(KINDS)
    upper = found["metrics"][0]["effects"][1]
    assert (upper["rows"], upper["falls"], upper["auc"]["value"]) == (3, 0, 0.5)
    for format in ("text", "markdown", "latex"):
        output = tmp_path / "table"
        assert main([*argv, "--format", format, "-o", str(output)]) == 0
        text = output.read_text("utf-8")
        assert "Edits that preserve the meaning" in text
        assert "Edits that change the meaning" in text
        assert "stemmer" in text  # the signature
        rows = [line for line in text.splitlines() if re.match(r"[| ]*upper case", line)]
        assert rows
        assert "+0.000" in " ".join(rows)


def test_chosen_edits_and_rows(rows_file, capsys):
    argv = ["robustness", str(rows_file), "--metric", "overlap", "--edit", "number", "--limit", "1"]
    assert main([*argv, "--resamples", "9"]) == 0
    out = capsys.readouterr().out
    assert "Edits that preserve" not in out
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("number")] == [
        ["number", "1"]
    ]


def test_the_bundled_aligner_is_the_default(rows_file, capsys):
    assert main(["robustness", str(rows_file), "--edit", "negation", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["metrics"]
    assert found["signature"].startswith("alignscore|model:mini|")
    (effect,) = found["effects"]
    assert 0 < effect["before"] < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--edit", "typo"], "known edits: lower_case"),
        (["--metric", "bluert"], "metric bluert"),
        (["--limit", "0"], "at least 1 resample and 1 row"),
        (["--resamples", "0"], "at least 1 resample and 1 row"),
        (["--summary-column", "text"], "no column 'text'"),
        (["-o", "nowhere/table.md"], "no such folder"),
    ],
)
def test_refusals(rows_file, capsys, options, message: str):
    assert main(["robustness", str(rows_file), "--metric", "overlap", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_a_row_that_is_no_text_is_named(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"source": "a", "summary": "b"}\n{"source": "a", "summary": null}\n', "utf-8")
    assert main(["robustness", str(path), "--metric", "overlap"]) == 2
    assert "line 2: the summary is missing" in capsys.readouterr().err


def test_a_table_whose_metrics_leave_out_different_pairs():
    pairs = edit_pairs([SOURCE] * 2, ["It was.", SUMMARY], ["upper_case"])
    length = FunctionMetric("length", lambda _, summaries: [1.0] * len(summaries), signature="l")
    found = [probe(metric, pairs, QUICK) for metric in (overlap_metric(), length)]
    text = render_robustness(found, QUICK, seed=0, format="text")
    assert re.search(r"upper case +1/2 ", text)
