"""Tests of leaderboards.site: pages are parsed, and opened in a browser where there is one."""

import base64
import hashlib
import html
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import numpy as np
import pandas as pd
import pytest
from scipy.stats import percentileofscore
from sklearn.metrics import roc_auc_score

from alignscore_metric import SentenceEvidence
from alignscore_metric.errors import InputError, MissingResourceError
from alignscore_metric.leaderboards.board import Board, Cell, Column, PairwiseTest, Row
from alignscore_metric.leaderboards.cards import Card
from alignscore_metric.leaderboards.items import EvaluationSet, ItemTable, RunInfo, item_frame
from alignscore_metric.leaderboards.site import board_key, pages, write_site
from alignscore_metric.leaderboards.site.figures import Interval, distribution, forest
from alignscore_metric.leaderboards.site.scores import hardest, score_groups

SCRIPT = "<script>document.title='broken'</script>"
BIDI = "\u202e\u05e9\u05dc\u05d5\u05dd \U0001f999"
HOSTILE = f"{SCRIPT}\"'><img src=x onerror=alert(1)> $x_1$ --> {{{{ 7*7 }}}} {BIDI} {'long' * 40}"
STRENGTH = {"strong": 1.6, "Weak": 0.5, "medium": 1.0, HOSTILE: 0.8}
DATASETS = {"alpha": 300, "beta": 240, "my own/set <b>": 90}


def evaluation_set(name: str, rows: int) -> EvaluationSet:
    rng = np.random.default_rng(rows)
    label = (rng.random(rows) < 0.4).astype(float)
    words = np.array(["council", "closed", "a", "bridge", "after", "inspectors", "found", "cracks"])
    frame = pd.DataFrame(
        {
            "id": [f"{name[:2]}-{row}" for row in range(rows)],
            "source": [" ".join(rng.choice(words, rng.integers(20, 300))) for _ in range(rows)],
            "summary": [" ".join(rng.choice(words, 9)) + f" {row}." for row in range(rows)],
            "label": label,
            "human_score": label * 0.5 + 0.5 * rng.random(rows),
            "system": rng.choice(["bart", "pegasus"], rows),
            "origin": None,
            "split": "test",
        }
    )
    frame.loc[frame["label"] == 0, "summary"] += SCRIPT
    return EvaluationSet(name, "test", frame)


def item_table(data: EvaluationSet, metric: str) -> ItemTable:
    rng = np.random.default_rng(len(metric) + len(data))
    noise = rng.normal(size=len(data))
    score = 1 / (1 + np.exp(-STRENGTH[metric] * data.frame["label"] - noise))
    frame = item_frame(data.frame.assign(text="t", document="d", score=score))
    if metric == "Weak":
        frame.loc[:2, "score"] = math.nan
    info = RunInfo(metric, f"{metric}|v:1", data.dataset, "test", data.hash, 12.5)
    return ItemTable(info, frame)


def auc_cell(table: ItemTable) -> Cell:
    """The AUC and an interval of Hanley and McNeil's (1982) width."""
    rows = table.frame.dropna(subset=["score"])
    auc = roc_auc_score(rows["label"], rows["score"])
    up = rows["label"].sum()
    down = len(rows) - up
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (up - 1) * (q1 - auc**2) + (down - 1) * (q2 - auc**2)) / up / down
    return Cell(auc, auc - 1.96 * variance**0.5, auc + 1.96 * variance**0.5)


DATA = {name: evaluation_set(name, rows) for name, rows in DATASETS.items()}
ITEMS = [item_table(data, metric) for data in DATA.values() for metric in STRENGTH]


def board() -> Board:
    """Two sets in the mean, one out of it; a missing, an undefined, a contaminated cell."""
    cells = {
        metric: {f"{t.info.dataset}/test": auc_cell(t) for t in ITEMS if t.info.metric == metric}
        for metric in STRENGTH
    }
    strong, weak = cells["strong"], cells["Weak"]
    strong["alpha/test"] = Cell(
        **vars(strong["alpha/test"]) | {"cluster": 1, "overlaps": ("snli", "paws")}
    )
    weak["alpha/test"] = Cell(**vars(weak["alpha/test"]) | {"undefined": 3})
    weak["beta/test"] = Cell(math.nan, reason=f"one class only {SCRIPT}")
    del cells[HOSTILE]["my own/set <b>/test"]
    rows = [
        Row(m, "measured", f"{m}|weights:{'0f' * 60}", c, mean(c), 75.0) for m, c in cells.items()
    ]
    rows.sort(key=lambda row: (-(row.mean.value if row.mean else -1), row.metric))
    columns = [
        Column(
            f"{n}/test", n, d.hash, len(d), int(d.frame["label"].sum()), 40, n in ("alpha", "beta")
        )
        for n, d in DATA.items()
    ]
    columns[1] = Column(**vars(columns[1]) | {"discrepancies": ("3 rows lack a document",)})
    return Board(
        "toy",
        "test",
        "roc_auc",
        tuple(columns),
        tuple(rows),
        (PairwiseTest("mean", "strong", "medium", 0.07, 0.002, 0.004),),
        {"resamples": 1000, "seed": 0, "interval": "percentile"},
    )


def mean(cells: dict[str, Cell]) -> Cell | None:
    values = [cells[key] for key in ("alpha/test", "beta/test")]
    if any(math.isnan(cell.value) for cell in values):
        return None
    return Cell(
        *(float(np.mean([getattr(c, n) for c in values])) for n in ("value", "low", "high"))
    )


def published() -> dict[str, list[Row]]:
    row = Row("Famous-large", "published", "Table 2 of a paper", {"alpha/test": Cell(0.99)})
    return {board_key(board()): [row]}


def explain(source: str, summary: str) -> list[SentenceEvidence]:
    return [
        SentenceEvidence(
            f"first of {summary}", 0.25, f"chunk of {source[:20]}", 0, 0, 9, "unsupported"
        )
    ]


CARD = {
    "name": "alpha",
    "title": f"leaf title {SCRIPT}",
    "role": "evaluation",
    "description": "leaf description",
    "paper": {
        "title": "leaf paper",
        "year": 2021,
        "venue": "leaf venue",
        "url": "https://papers.example/leaf",
        "bibtex": "@article{leaf, title={B}}",
    },
    "licence": {"name": "leaf licence", "source": "https://licence.example/leaf"},
    "task": "leaf task",
    "language": "leaf language",
    "origin": {"sources": "leaf sources", "summaries": "leaf summaries"},
    "annotation": "leaf annotation",
    "label_rule": "leaf rule",
    "splits": {
        "test": {
            "published": {"rows": 1310, "positives": 99},
            "found": {"rows": 1300, "positives": 98},
            "note": "leaf note of a split",
        },
        "val": {"published": {"rows": 77}},
    },
    "sources": [
        {
            "reader": "leaf_reader",
            "files": ["leaf/file.json"],
            "url": "https://data.example/leaf",
            "sha256": {"leaf/file.json": "ab" * 32},
            "options": {"leaf_option": "leaf value"},
            "documents": "leaf documents",
        }
    ],
    "clean_up": True,
    "known_defects": ["leaf defect one", "leaf defect two"],
    "benchmarks": [
        {
            "benchmark": "leaf_benchmark",
            "task": "leaf_task",
            "splits": ["test"],
            "where": {"origin": "leaf origin"},
            "in_mean": False,
            "note": "leaf note of a membership",
        }
    ],
    "mixtures": ["leaf_mixture"],
    "overlaps": [
        {"dataset": "leaf_set", "kind": "same documents", "note": "leaf note of an overlap"}
    ],
}


class Page(HTMLParser):
    """Elements with their attributes, ids, visible words, and whether tags are balanced."""

    VOID = frozenset(("meta", "link", "br", "img", "input"))

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file, self.text = file, file.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[tuple[tuple[str, ...], str]] = []
        self.feed(self.text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append((tuple(self.open), data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def visible(self) -> str:
        return "".join(w for where, w in self.words if not {"style", "script", "title"} & {*where})


def write(folder: Path, **options) -> dict[str, Page]:
    given = {
        "items": ITEMS,
        "examples": lambda dataset, split: DATA[dataset],
        "published": published(),
        "evidence": explain,
    }
    write_site([board()], folder, **given | options)
    return {str(f.relative_to(folder)): Page(f) for f in sorted(folder.rglob("*.html"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[dict[str, Page]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "load_cards", lambda: {"alpha": Card.model_validate(CARD)})
        yield write(folder)


def words(markup: str) -> str:
    """The text of a piece of HTML, by other means than the pages' own."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def board_rows(page: Page, kind: str = "<tbody>") -> dict[str, list[str]]:
    """Cells' HTML by metric, in order, of the first board table's measured or published body."""
    body = page.text[page.text.index('<table class="board">') :].split("</table>")[0]
    body = body[body.index(kind) :].split("</tbody>")[0]
    rows = re.findall(r'<tr data-metric="([^"]*)">(.*?)</tr>', body, flags=re.DOTALL)
    return {
        html.unescape(name): re.findall(r"<td.*?</td>", cells, flags=re.DOTALL)
        for name, cells in rows
    }


def test_one_page_for_the_boards_and_one_for_each_dataset(site):
    assert set(site) == {
        "index.html",
        "datasets/alpha.html",
        "datasets/beta.html",
        "datasets/my-own-set-b.html",
    }


def test_every_link_and_reference_resolves_and_ids_are_unique(site, folder):
    for page in site.values():
        assert [i for i, n in Counter(page.ids()).items() if n > 1] == []
        references = re.findall(r"url\(#([^)]*)\)", page.text)
        for tag, attributes in page.elements:
            address = attributes.get("href")
            if address is None or address.startswith(("https://", "data:")):
                continue
            target, fragment = urldefrag(address)
            file = (page.file.parent / unquote(target)).resolve() if target else page.file
            assert file.is_file(), (tag, address)
            if fragment:
                assert fragment in site[str(file.relative_to(folder))].ids(), address
        assert set(references) <= set(page.ids())


def test_nothing_is_fetched_from_elsewhere(site):
    known = {
        "https://papers.example/leaf",
        "https://licence.example/leaf",
        "https://data.example/leaf",
    }
    for page in site.values():
        for tag, attributes in page.elements:
            assert not {"src", "srcset", "action", "data", "poster", "style-src"} & set(attributes)
            if (attributes.get("href") or "").startswith("http"):
                assert tag == "a"
                assert attributes["href"] in known
        style = page.text.split("<style>")[1].split("</style>")[0]
        assert "url(" not in style
        assert "@import" not in style
        assert len(page.of("style")) == 1
    linked = {a.get("href") for a in site["datasets/alpha.html"].of("a")}
    assert known <= linked


def test_the_only_script_is_the_one_that_the_policy_names(site):
    for page in site.values():
        (policy,) = (m["content"] for m in page.of("meta") if "http-equiv" in m)
        assert len(page.of("script")) == 1
        script = page.text.split("<script>")[1].split("</script>")[0]
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert "default-src 'none'" in policy
        assert f"script-src 'sha256-{digest}'" in policy
        assert not [name for _, a in page.elements for name in a if name.startswith("on")]


def test_hostile_names_and_texts_stay_text(site):
    index, alpha = site["index.html"], site["datasets/alpha.html"]
    assert HOSTILE in index.visible()
    assert "my own/set <b>" in index.visible()
    assert f"leaf title {SCRIPT}" in alpha.visible()
    assert alpha.visible().count(SCRIPT) > 20  # the summaries of all negative examples end in it
    assert not index.of("img") + alpha.of("img") + index.of("b")
    assert "{{ 7*7 }}" in alpha.visible()


def test_the_table_shows_the_boards_numbers_best_first(site):
    rows = {row.metric: row for row in board().rows}
    shown = board_rows(site["index.html"])
    assert list(shown)[:3] == ["strong", "medium", HOSTILE]
    for metric, cells in shown.items():
        values = [rows[metric].mean, *map(rows[metric].cells.get, [c.key for c in board().columns])]
        for cell, value in zip(cells, values, strict=False):
            text = words(cell)
            if value is None:
                assert text == "\N{EN DASH}"
            elif math.isnan(value.value):
                assert text.startswith("n/a")
            else:
                assert text.startswith(f"{100 * value.value:.1f}")
                assert f"{100 * value.low:.1f}\N{EN DASH}{100 * value.high:.1f}" in text
                assert float(re.search('data-value="([^"]*)"', cell)[1]) == value.value


def test_only_the_best_is_bold_and_only_the_first_cluster_is_marked(site):
    shown = board_rows(site["index.html"])
    bold = [(m, n) for m, cells in shown.items() for n, c in enumerate(cells) if "<strong>" in c]
    marked = [(m, n) for m, cells in shown.items() for n, c in enumerate(cells) if "leading" in c]
    assert bold == [("strong", n) for n in range(4)]
    assert marked == [("strong", 1)]


def test_contamination_and_what_is_undefined_or_left_out_are_said_in_text(site):
    notes = "".join(w for where, w in site["index.html"].words if "li" in where)
    assert "snli, paws" in notes
    assert f"one class only {SCRIPT}" in notes
    assert "3 rows that the metric gave no score" in notes
    assert "3 rows lack a document" in notes
    assert "not counted in the mean" in notes
    assert [
        (metric, number)
        for metric, cells in board_rows(site["index.html"]).items()
        for number, cell in enumerate(cells)
        if "\N{WARNING SIGN}" in cell
    ] == [("strong", 1)]


def test_published_rows_are_apart_and_never_emphasised(site):
    for page in (site["index.html"], site["datasets/alpha.html"]):
        assert "Famous-large" not in board_rows(page)
        (cells,) = board_rows(page, kind='<tbody class="published">').values()
        assert [words(cell) for cell in cells if words(cell) != "\N{EN DASH}"] == ["99.0"]
        assert "<strong>" not in "".join(cells)
        assert "Table 2 of a paper" in page.visible()
    assert "Famous-large" not in site["datasets/beta.html"].text


def test_settings_signatures_and_the_board_itself_are_there(site, folder):
    text = site["index.html"].visible()
    for row in board().rows:
        assert row.source in text
    for said in ("resamples 1000", "seed 0", "interval percentile", DATA["beta"].hash):
        assert said in text
    kept = Board.from_json((folder / "boards" / "toy-test-roc_auc.json").read_text("utf-8"))
    assert [row.metric for row in kept.rows][-1] == "Famous-large"
    assert kept.columns == board().columns


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield value


def test_every_field_of_the_card_is_on_its_page(site):
    text = site["datasets/alpha.html"].visible()
    assert set(CARD) == set(Card.model_fields)
    for leaf in leaves(CARD):
        if isinstance(leaf, bool):
            continue
        assert (f"{leaf:,}" if isinstance(leaf, int) and leaf > 2100 else str(leaf)) in text or (
            f"{leaf:,}" in text
        )
    assert "differs" in text
    assert "no data card" in site["datasets/beta.html"].visible()


def example_ids(page: Page, metric: str) -> list[list[str]]:
    """Ids of a metric's hardest examples: negatives, then positives."""
    section = page.text[page.text.index('<details class="metric">') :]
    (block,) = (
        part
        for part in section.split('<details class="metric">')
        if words(part.split("</summary>")[0]) == words(html.escape(metric))
    )
    return [re.findall(r"<code>(.*?)</code>", half) for half in block.split("<h3>")[1:]]


@pytest.mark.parametrize("metric", STRENGTH)
def test_hardest_examples_are_those_of_a_plain_sort(site, metric):
    (table,) = (t for t in ITEMS if (t.info.metric, t.info.dataset) == (metric, "alpha"))
    rows = [r for r in table.frame.to_dict("records") if not math.isnan(r["score"])]
    negatives = sorted((-r["score"], r["id"]) for r in rows if r["label"] == 0)
    positives = sorted((r["score"], r["id"]) for r in rows if r["label"] == 1)
    expected = [[i for _, i in one[:5]] for one in (negatives, positives)]
    assert example_ids(site["datasets/alpha.html"], metric) == expected


def test_equal_scores_are_ordered_by_id():
    frame = pd.DataFrame({"id": ["c", "a", "b"], "score": [0.5] * 3, "label": [0.0] * 3})
    assert list(hardest(frame, label=0, count=2)["id"]) == ["a", "b"]
    assert hardest(frame, label=1).empty


def test_an_example_has_its_own_texts_and_evidence(site):
    page = site["datasets/alpha.html"]
    (negative, *_), _ = example_ids(page, "strong")
    frame = DATA["alpha"].frame.set_index("id")
    article = page.text[page.text.index(f"<code>{negative}</code>") :].split("</article>")[0]
    source, summary = frame.loc[negative, ["source", "summary"]]
    assert (
        words(article.split("<blockquote")[1].split(">", 1)[1].split("</blockquote>")[0]) == summary
    )
    assert source in html.unescape(article)
    assert f"first of {summary}" in html.unescape(article)
    assert f"chunk of {source[:20]}" in html.unescape(article)
    assert f"Source, {len(source.split())} words" in article
    scores = next(t.frame.set_index("id")["score"] for t in ITEMS if t.info.metric == "strong")
    percentile = percentileofscore(scores, scores[negative], kind="mean")
    assert f"<strong>{scores[negative]:.3f}</strong> percentile {percentile:.0f} " in page.text


def small(**options) -> dict:
    """One board-less site of two metrics on one set."""
    return {"items": [t for t in ITEMS if t.info.dataset == "beta"][:2]} | options


def beta_page(folder: Path, **options) -> Page:
    write_site([], folder, **small(**options))
    return Page(folder / "datasets" / "beta.html")


def raise_missing(dataset: str, split: str) -> EvaluationSet:
    raise MissingResourceError("no file in /secret/place")


@pytest.mark.parametrize(
    ("examples", "said"), [(None, "made without the texts"), (raise_missing, "were not at hand")]
)
def test_without_texts_the_page_says_so_and_shows_ids(tmp_path, examples, said):
    page = beta_page(tmp_path, examples=examples, evidence=explain)
    assert said in page.visible()
    assert "/secret" not in page.text
    assert "blockquote" not in page.text.split("</style>")[1]
    assert [len(ids) for ids in example_ids(page, "strong")] == [5, 5]


def test_other_texts_than_those_scored_are_said_and_texts_may_be_missing(tmp_path):
    frame = DATA["beta"].frame.assign(source=None)
    page = beta_page(tmp_path, examples=lambda *_: EvaluationSet("beta", "test", frame))
    assert "differ from those that were scored" in page.visible()
    assert "<blockquote" in page.text
    assert "Source," not in page.text


def test_evidence_is_asked_for_once_per_example(tmp_path):
    asked: list[tuple[str, str]] = []

    def counting(source: str, summary: str) -> list[SentenceEvidence]:
        asked.append((source, summary))
        return explain(source, summary)

    page = beta_page(tmp_path, examples=lambda *_: DATA["beta"], evidence=counting)
    shown = {i for metric in ("strong", "Weak") for one in example_ids(page, metric) for i in one}
    assert len(asked) == len(set(asked)) == len(shown)


def test_the_roc_figure_names_sklearns_auc(site):
    text = site["datasets/alpha.html"].visible()
    for table in ITEMS[: len(STRENGTH)]:
        rows = table.frame.dropna(subset=["score"])
        auc = roc_auc_score(rows["label"], rows["score"])
        assert f"{100 * auc:.1f}  {table.info.metric[:10]}" in text


def test_without_both_labels_there_is_no_roc(tmp_path):
    table = ITEMS[0]
    frame = table.frame.assign(label=1.0)
    write_site([], tmp_path, items=[ItemTable(table.info, frame)])
    page = Page(tmp_path / "datasets" / "alpha.html")
    assert len(page.of("svg")) == 1
    assert "ROC curves" not in page.text


def test_graded_scores_are_grouped_by_thirds_of_the_human_scores(tmp_path):
    rng = np.random.default_rng(1)
    human = rng.permutation(np.arange(30.0))
    frame = pd.DataFrame({"label": np.nan, "human_score": human, "score": rng.random(30)})
    frame.loc[0, "score"] = math.nan
    groups = score_groups(frame)
    order = frame.dropna(subset=["score"]).sort_values("human_score")["score"]
    assert sorted(groups["negative"]) == sorted(order[:10])
    assert sorted(groups["positive"]) == sorted(order[-10:])
    items = [ItemTable(ITEMS[0].info, ITEMS[0].frame.assign(label=np.nan))]
    write_site([], tmp_path, items=items)
    text = Page(tmp_path / "datasets" / "alpha.html").visible()
    assert "upper third of the human scores" in text
    assert "There are no labels here" in text


def histogram_shares(svg: str, colour: str) -> list[float]:
    """Heights of the steps of one histogram, as shares of their sum."""
    (path,) = re.findall(rf'<path d="([^"]*)"[^>]*style="[^"]*var\(--{colour}\)', svg)
    points = [tuple(map(float, p.split())) for p in re.findall(r"[ML] ([\d.]+ [\d.]+)", path)]
    floor = max(y for _, y in points)
    steps = [floor - y for (x, y), (x2, y2) in pairwise(points) if x2 > x and y == y2]
    return [step / sum(steps) for step in steps]


def test_a_distribution_draws_each_groups_own_histogram():
    rng = np.random.default_rng(2)
    groups = {"positive": rng.random(400) ** 0.3, "negative": rng.random(50)}
    svg = distribution(groups, description="d")
    for name, scores in groups.items():
        expected = np.histogram(scores, bins=24, range=(0, 1))[0] / len(scores)
        assert histogram_shares(svg, name) == pytest.approx(list(expected), abs=1e-3)


def test_figures_are_deterministic_take_the_pages_colours_and_keep_text():
    lines = [Interval("a $x$ <b>", 70, 65, 75), Interval("b", 60, math.nan, math.nan)]
    svg = forest(lines, description="d")
    assert svg == forest(lines, description="d")
    assert "a $x$ &lt;b&gt;" in svg
    assert re.findall(r"#[0-9a-f]{6}", svg) == []
    assert "var(--series-1)" in svg
    assert "70.0  65.0\N{EN DASH}75.0" in svg


def test_two_sites_of_the_same_data_are_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_site([board()], tmp_path / name, items=ITEMS[:2])
    files = sorted(f.relative_to(tmp_path / "one") for f in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 5
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_what_cannot_be_shown_is_refused(tmp_path):
    with pytest.raises(InputError, match="nothing to show"):
        write_site([], tmp_path)
    with pytest.raises(InputError, match="two item tables of strong on alpha/test"):
        write_site([], tmp_path, items=[ITEMS[0], ITEMS[0]])


def test_boards_and_datasets_of_like_names_do_not_collide(tmp_path):
    first = board()
    columns = (first.columns[0], replace(first.columns[1], dataset="ALPHA"))
    write_site([first, replace(first, columns=columns)], tmp_path)
    assert len(list((tmp_path / "boards").glob("*.json"))) == 2
    assert {f.name for f in (tmp_path / "datasets").iterdir()} == {
        "alpha.html", "alpha-2.html", "beta.html", "my-own-set-b.html"
    }  # fmt: skip


# --- in a browser --------------------------------------------------------------------------------

ENTER, BACKSPACE = "\ue007", "\ue003"  # in WebDriver's code


def order(browser, *, only_shown: bool = False) -> list[str]:
    rows = browser.find_elements(
        "css selector", "table.board tbody:not(.published) tr[data-metric]"
    )
    return [r.get_attribute("data-metric") for r in rows if r.is_displayed() or not only_shown]


def test_a_reader_sorts_filters_and_follows_links(site, folder, browser):
    browser.get((folder / "index.html").as_uri())
    assert browser.title == "Leaderboards"
    assert order(browser) == ["strong", "medium", HOSTILE, "Weak"]
    heads = {b.text: b for b in browser.find_elements("css selector", "table.board th button")}
    sorted_by = "return document.querySelector('th[aria-sort=\"{}\"] button').innerText"

    heads["my own/set <b>"].click()
    assert order(browser) == ["strong", "medium", "Weak", HOSTILE]
    assert browser.execute_script(sorted_by.format("descending")) == "my own/set <b>"
    heads["my own/set <b>"].click()
    assert order(browser) == ["Weak", "medium", "strong", HOSTILE]
    assert browser.execute_script(sorted_by.format("ascending")) == "my own/set <b>"
    assert len(browser.find_elements("css selector", "th[aria-sort]:not([aria-sort=none])")) == 1

    heads["metric"].send_keys(ENTER)
    assert order(browser)[1:] == ["medium", "strong", "Weak"]
    heading = browser.find_element("css selector", ".published tr:first-child")
    assert heading.get_attribute("class") == "heading"

    field = browser.find_element("id", "filter")
    field.send_keys("wEA")
    assert order(browser, only_shown=True) == ["Weak"]
    assert not heading.is_displayed()
    assert browser.find_element("css selector", "output").text == "1 of 5 rows"
    field.send_keys(BACKSPACE * 3)
    assert len(order(browser, only_shown=True)) == 4
    assert heading.is_displayed()

    browser.find_element("css selector", "thead a[href='datasets/alpha.html']").click()
    assert browser.title == "alpha \N{MIDDLE DOT} Leaderboards"
    first = browser.find_element("css selector", "details.metric")
    first.find_element("css selector", "summary").click()
    assert first.find_element("css selector", "article").is_displayed()
    source = first.find_element("css selector", ".source")
    assert not source.is_displayed()
    first.find_element("css selector", "article details summary").click()
    assert source.is_displayed()

    assert browser.get_log("browser") == []
    requests = [
        message["params"]["request"]["url"]
        for entry in browser.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"]
        == "Network.requestWillBeSent"
    ]
    assert (folder / "datasets" / "alpha.html").as_uri() in requests
    # chrome: is the browser's own first page.
    assert {urlsplit(url).scheme for url in requests} <= {"file", "data", "chrome"}


@pytest.mark.parametrize("width", [390, 1200])
def test_pages_do_not_scroll_sideways(site, folder, browser, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for name in site:
        browser.get((folder / name).as_uri())
        browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
