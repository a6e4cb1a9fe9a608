"""The report: its page, against the result and numpy; and what a reader does, in Chromium."""

import base64
import hashlib
import io
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import alignscore_metric.files.scoring
import alignscore_metric.metric
from alignscore_metric import AlignScore, InputError
from alignscore_metric.commands.main import main
from alignscore_metric.report.content import cut
from alignscore_metric.report.page import page_writer
from alignscore_metric.result import AlignScoreResult
from alignscore_metric.scores.aggregation import aggregate_sentences, max_over_chunks
from alignscore_metric.text.excerpt import closest_sentence
from alignscore_metric.text.pairs import build_pair_table
from alignscore_metric.text.splitters import get_splitter

SPLIT = get_splitter("bundled_punkt").split
HOSTILE = (
    "</script><script>window.broken = 1; alert(1)</script> <img src=x onerror=alert(1)> "
    "<!-- <script> &lt;b&gt; \u2028\u2029 $title ${data} \\u003c 'quoted' \"twice\""
)
BRIDGE = (
    "Nobody spoke on the day. The bridge was closed on Monday after cracks were found.\n"
    "On it stood a lorry.  "
)
#: Name, source (its chunks, parted by bars), and the summary's sentences with their scores.
ROWS = [
    ("bridge", f"Snow fell in Leeds.|{BRIDGE}", {"The bridge was closed on Friday.": 0.31,
                                                 "Cracks were found.": 0.93}),
    ("silent", "Nothing was claimed.", {}),
    (f"id {HOSTILE}", HOSTILE, {f"It said {HOSTILE} twice.": 0.12}),
    ("snow", "Snow fell in Leeds.", {"Snow fell in York.": 0.55, "Snow fell.": 0.97}),
    ("surrogate", "A lone \ud800 stood.", {"A lone \ud800 fell \N{SNOWMAN}.": 0.7}),
]  # fmt: skip
MANY = [
    (
        f"example {n}",
        f"Number {n} is here.|Snow fell in Leeds.",
        {f"It is {n}.": n * 37 % 101 / 101},
    )
    for n in range(60)
]
IDS = [name for name, _, _ in ROWS]


def result_of(rows=ROWS) -> AlignScoreResult:
    """A result whose last chunk gives each sentence its score, and whose other chunks give less."""
    table = build_pair_table(
        [source for _, source, _ in rows],
        ["|".join(sentences) for *_, sentences in rows],
        split_source=lambda source: source.split("|"),
        split_summary=lambda summary: summary.split("|") if summary else [],
    )
    wanted = {
        (source.split("|")[-1], sentence): score
        for _, source, sentences in rows
        for sentence, score in sentences.items()
    }
    pair_scores = np.array(
        [wanted.get((table.chunks[c], table.sentences[s]), -9) for c, s in table.pairs]
    )
    best, cells = max_over_chunks(pair_scores[table.cells], table.sentence_cells)
    means = aggregate_sentences(best, table.example_sentences, "mean")
    return AlignScoreResult(means, best, cells, table, "alignscore|model:a%26b|<made up>")


class Page(HTMLParser):
    """A page as a browser's parser sees it: its tags, and the text right after each."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        self._open = tag

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        if self._open:
            self.texts[self._open][-1] += data

    @property
    def data(self):
        return json.loads(self.texts["script"][0])

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


# --- what the page holds


def test_the_page_holds_every_example_and_its_evidence():
    result = result_of()
    data = Page(result.to_html(ids=IDS)).data
    assert [name for name, _, _ in data["examples"]] == IDS
    for row, (_, score, sentences) in enumerate(data["examples"]):
        found = result.sentences(row)
        assert score is None if not found else score == pytest.approx(result.scores[row], abs=1e-4)
        assert [text for text, *_ in sentences] == list(ROWS[row][2])
        for one, (_, score, chunk, number, of, closest, *said) in zip(
            found, sentences, strict=True
        ):
            assert said == [one.verdict, None, None]
            chunks = ROWS[row][1].split("|")
            pieces = data["chunks"][chunk]
            assert score == pytest.approx(one.score, abs=1e-4)
            assert (number, of) == (len(chunks), len(chunks))
            assert "".join(pieces) == chunks[number - 1]
            best = closest_sentence(SPLIT(one.chunk), one.sentence)
            assert pieces[closest].strip() == best.strip()
    assert data["range"] == [0, 1]


def test_a_chunk_is_stored_once_however_many_sentences_it_supports():
    rows = [(str(n), "One long source.", {f"Sentence {n}.": 0.5, "Same.": 0.4}) for n in range(9)]
    page = result_of(rows).to_html()
    assert page.count("One long source.") == 1
    assert len(Page(page).data["examples"]) == 9


def test_rows_are_called_by_their_numbers_where_no_ids_are_given():
    assert [name for name, *_ in Page(result_of().to_html()).data["examples"]] == list("01234")


def test_texts_cannot_leave_their_place():
    page = result_of().to_html(ids=IDS, title=HOSTILE)
    parsed = Page(page)
    assert [attributes.get("id") for attributes in parsed.attributes("script")] == ["data", None]
    assert parsed.attributes("img") == []
    assert parsed.texts["h1"] == [HOSTILE]
    assert not set("<>&\u2028\u2029") & set(parsed.texts["script"][0])
    assert parsed.data["examples"][4][2][0][0] == "A lone \ud800 fell \N{SNOWMAN}."
    page.encode("utf-8")  # would raise for a surrogate


def test_nothing_in_the_page_points_out_of_it():
    parsed = Page(result_of(MANY).to_html())
    [policy] = [
        attributes["content"]
        for attributes in parsed.attributes("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules.pop("default-src") == "'none'"
    for rule, text in (("style", parsed.texts["style"][0]), ("script", parsed.texts["script"][1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(f"{rule}-src") == f"'sha256-{digest}'"
    assert set(rules.values()) == {"'none'"}
    attributes = {name for _, attributes in parsed.tags for name in attributes}
    assert not attributes & {"src", "href", "action", "srcset", "style", "onclick", "onload"}


def test_the_head_names_mean_interval_and_counts():
    result = result_of()
    parsed = Page(result.to_html(title="News of today"))
    found = dict(zip(parsed.texts["dt"], parsed.texts["dd"], strict=True))
    low, high = result.ci()
    assert found == {
        "mean": f"{result.mean:.4f}",
        "95% interval": f"{low:.4f} to {high:.4f}",
        "examples": "5",
        "sentences": "6",
        "without a sentence, left out": "1",
    }
    assert parsed.texts["title"][0] == parsed.texts["h1"][0] == "News of today"
    assert result.signature in parsed.texts["code"]


@pytest.mark.parametrize("factor", [1, 3])
def test_the_histogram_is_numpys(factor):
    rows = [
        (name, source, {s: x * factor for s, x in found.items()}) for name, source, found in MANY
    ]
    result = result_of(rows)
    bars = [a for a in Page(result.to_html()).attributes("rect") if "bar" in a["class"]]
    top = max(1, result.scores.max())
    counts, edges = np.histogram(result.scores, bins=20, range=(0, top))
    heights = np.array([float(bar["height"]) for bar in bars])
    np.testing.assert_allclose(heights / heights.max(), counts / counts.max(), atol=1e-3)
    lefts = np.array([float(bar["x"]) for bar in bars])
    np.testing.assert_allclose(np.diff(lefts), np.diff(lefts).mean(), atol=0.02)
    titles = Page(result.to_html()).texts["title"][1:]
    assert titles == [
        f"{a:.2f} to {b:.2f}: {n}" for a, b, n in zip(edges, edges[1:], counts, strict=False)
    ]
    assert Page(result.to_html()).data["range"] == pytest.approx([0, top])


@pytest.mark.parametrize("rows", [[], [ROWS[1]], [ROWS[1]] * 3, [ROWS[3]]])
def test_few_or_undefined_scores(rows):
    parsed = Page(result_of(rows).to_html())
    defined = rows == [ROWS[3]]
    assert len(parsed.data["examples"]) == len(rows)
    assert len(parsed.attributes("svg")) == defined
    assert "95% interval" not in parsed.texts["dt"]
    assert parsed.texts["dd"][0] == ("0.7600" if defined else "undefined")


@pytest.mark.parametrize("ids", [[], ["a"], list("abcdef")])
def test_ids_that_do_not_fit(ids):
    with pytest.raises(InputError, match=rf"{len(ids)} ids but 5 pairs; give one id per pair"):
        result_of().to_html(ids=ids)


@given(st.text(alphabet="ab.!? \n\t\u2029\N{SNOWMAN}", max_size=60))
def test_a_cut_chunk_is_whole_and_has_a_piece_for_each_sentence(text):
    pieces = cut(text, SPLIT)
    assert "".join(pieces) == text
    assert len(pieces) == max(1, len(SPLIT(text)))
    assert [piece.strip() for piece in pieces if piece.strip()] == [s.strip() for s in SPLIT(text)]


STYLE = Path(alignscore_metric.__file__).parent / "report" / "templates" / "style.css"


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    levels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in levels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("scheme", [0, 1])
def test_contrast(scheme):
    """Text 4.5 to 1 and bars 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11), in light and in dark."""
    block = re.findall(r":root \{(.*?)\}", STYLE.read_text("utf-8"), flags=re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))

    def contrast(one: str, other: str) -> float:
        low, high = sorted(luminance(colours[name]) for name in (one, other))
        return (high + 0.05) / (low + 0.05)

    for tint in ("paper", "raised", "mark", *(f"tint-{n}" for n in range(5))):
        assert contrast("ink", tint) >= 4.5, tint
    for paper in ("paper", "raised"):
        assert min(contrast("muted", paper), contrast("accent", paper)) >= 4.5
    assert min(contrast(f"strong-{n}", "paper") for n in (0, 2, 4)) >= 3


# --- files


def test_a_file_is_written_and_replaced(tmp_path):
    file = tmp_path / "report.html"
    for rows in (MANY, ROWS):
        page = result_of(rows).to_html(file)
        assert file.read_text(encoding="utf-8") == page
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


def test_a_page_appears_whole_or_not_at_all(tmp_path):
    file = tmp_path / "report.html"
    file.write_text("the old one")
    with pytest.raises(TypeError), page_writer(file) as stream:
        stream.writelines([b"half", None])
    assert file.read_text() == "the old one"
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("name", ["missing/report.html", "folder.html", "scored.jsonl", "-"])
def test_a_place_that_cannot_be_written_to(tmp_path, name):
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "scored.jsonl").write_text("kept")
    with pytest.raises(InputError, match=re.escape(name)):
        result_of().to_html(tmp_path / name)
    assert (tmp_path / "scored.jsonl").read_text() == "kept"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["folder.html", "scored.jsonl"]


@pytest.fixture
def rows_file(tmp_path, example_rows) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in example_rows[:6]), encoding="utf-8")
    return path


@pytest.mark.parametrize("given", ["file", "stdin"])
def test_the_command_writes_a_report_beside_its_scores(
    tmp_path, rows_file, example_rows, tiny_aligner, monkeypatch, capsys, given
):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(rows_file.read_bytes())))
    report, scored = tmp_path / "report.html", tmp_path / "scored.jsonl"
    source = "-" if given == "stdin" else str(rows_file)
    argv = ["score", source, "-o", str(scored), "--report", str(report), "-q"]
    assert main([*argv, "--model", str(tiny_aligner)]) == 0
    parsed = Page(report.read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in scored.read_text(encoding="utf-8").splitlines()]
    assert [name for name, *_ in parsed.data["examples"]] == [r["id"] for r in example_rows[:6]]
    assert [score for _, score, _ in parsed.data["examples"]] == pytest.approx(
        [row["alignscore"] for row in rows], abs=1e-4
    )
    model = f"AlignScore ({tiny_aligner.name})"
    assert parsed.texts["h1"] == [f"{model} of {source if source != '-' else 'stdin'}"]
    assert parsed.texts["code"][0] in capsys.readouterr().err


def test_rows_without_id_are_called_by_their_line(tmp_path, tiny_aligner, capsys):
    path = tmp_path / "rows.csv"
    path.write_text("source,summary\nIt rained.,It rained.\nIt snowed.,It rained.\n")
    report = tmp_path / "report.html"
    argv = ["score", path, "--report", report, "--model", tiny_aligner, "-q"]
    assert main([str(arg) for arg in argv]) == 0
    names = [name for name, *_ in Page(report.read_text("utf-8")).data["examples"]]
    assert names == [f"{path}, line 2", f"{path}, line 3"]
    assert f"{path}, line 2" in capsys.readouterr().out  # as the printed scores call them


@pytest.mark.parametrize("name", ["missing/report.html", "rows.jsonl"])
def test_the_command_refuses_a_place_before_it_scores(
    tmp_path, rows_file, monkeypatch, capsys, name
):
    monkeypatch.setattr(alignscore_metric.metric, "AlignScore", None)  # would fail if called
    monkeypatch.setattr(alignscore_metric.files.scoring, "AlignScore", None)
    before = rows_file.read_bytes()
    scored = tmp_path / "scored.jsonl"
    argv = ["score", rows_file, "-o", scored, "--report", tmp_path / name]
    assert main([str(arg) for arg in argv]) == 2
    assert str(tmp_path / name) in capsys.readouterr().err
    assert rows_file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["rows.jsonl"]


# --- in a notebook


def test_a_notebook_shows_the_worst_examples():
    result = result_of([*MANY, ROWS[1]])
    parsed = Page(result._repr_html_())
    cells = np.array(parsed.texts["td"]).reshape(-1, 6)
    worst = np.argsort([np.mean(list(found.values())) for *_, found in MANY])[: len(cells)]
    assert [int(row) for row in cells[:, 0]] == worst.tolist()
    assert len(cells) == 5
    for row, score, sentence, lowest, verdict, closest in cells:
        assert verdict == ("supported" if float(lowest) > 0.5 else "unsupported")
        assert score == f"{result.scores[int(row)]:.4f}"
        assert (sentence, lowest) == (f"It is {row}.", score)
        assert closest == f"Number {row} is here."  # which shares most, none supporting
    assert parsed.texts["p"][0] == str(result).split("\n")[0]
    assert parsed.texts["code"] == [result.signature]


def test_a_notebook_gets_text_and_no_script():
    long = [("0", "A source.", {"word " * 500: 0.1})]
    for rows in (ROWS, long, [], [ROWS[1]]):
        shown = result_of(rows)._repr_html_()
        tags = {tag for tag, _ in Page(shown).tags}
        assert tags <= {"p", "code", "table", "thead", "tbody", "tr", "th", "td"}
        assert len(shown) < 5000
    assert (
        "It said </script><script>window.broken" in Page(result_of()._repr_html_()).texts["td"][2]
    )
    assert "table" not in result_of([ROWS[1]])._repr_html_()


# --- in a browser

ENTER, ESCAPE, CONTROL, TAB = "\ue007\ue00c\ue009\ue004"  # in WebDriver's code
UP, DOWN, HOME, END = "\ue013\ue015\ue011\ue010"


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, str]:
    """Addresses of two reports: of few examples, and of three pages of them."""
    folder = tmp_path_factory.mktemp("reports")
    result_of().to_html(folder / "few.html", ids=IDS, title=HOSTILE)
    rows = [*MANY, ROWS[1]]
    result_of(rows).to_html(folder / "many.html", ids=[name for name, *_ in rows])
    return {name: (folder / f"{name}.html").as_uri() for name in ("few", "many")}


class Reader:
    """What a reader sees and does."""

    def __init__(self, browser, address: str):
        self.browser = browser
        browser.get("about:blank")  # an address that differs after its # alone would not be loaded
        browser.get(address)

    def all(self, selector: str):
        return self.browser.find_elements("css selector", selector)

    def one(self, selector: str):
        return self.browser.find_element("css selector", selector)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)

    def texts(self, selector: str) -> list[str]:
        return [found.get_property("textContent") for found in self.all(selector)]

    @property
    def names(self) -> list[str]:
        return self.texts("tbody th button")

    @property
    def opened(self) -> list[str]:
        return self.texts("[aria-expanded=true]")

    @property
    def chosen(self) -> str:
        [text] = self.texts("[role=tab][aria-selected=true] .text")
        return text


def ranked(rows, *, key=lambda found: np.mean(list(found.values())), sign=1) -> list[str]:
    """Names in the order of the list: undefined last, whichever way it is sorted."""
    defined = [row for row in rows if row[2]]
    undefined = [name for name, _, found in rows if not found]
    return [name for name, *_ in sorted(defined, key=lambda row: sign * key(row[2]))] + undefined


def lowest(found: dict[str, float]) -> float:
    return min(found.values())


def test_a_reader_sorts(browser, reports):
    reader = Reader(browser, reports["few"])
    heads = {button.text: button for button in reader.all("thead button")}
    assert reader.names == ranked(ROWS)
    heads["Lowest sentence"].click()
    assert reader.names == ranked(ROWS, key=lowest)
    assert reader.names != ranked(ROWS)
    heads["Lowest sentence"].send_keys(ENTER)
    assert reader.names == ranked(ROWS, key=lowest, sign=-1)
    sorted_by = [head.get_attribute("aria-sort") for head in reader.all("thead th")]
    assert sorted_by == ["none", "descending", "none"]
    heads["Example"].click()
    assert reader.names == IDS


def test_a_reader_searches_and_pages(browser, reports):
    reader = Reader(browser, reports["many"])
    expected = ranked([*MANY, ROWS[1]])
    assert reader.names == expected[:25]
    assert not reader.one("#previous").is_enabled()
    reader.one("#next").click()
    assert reader.names == expected[25:50]
    reader.one("#next").click()
    assert reader.names == expected[50:]
    assert reader.names[-1] == "silent"
    assert not reader.one("#next").is_enabled()
    for typed, page in (("2", expected[25:50]), ("99", expected[50:]), ("-1", expected[:25])):
        reader.one("#page").send_keys(CONTROL, "a", CONTROL, typed, ENTER)
        assert reader.names == page

    search = reader.one("#search")
    search.send_keys("IS 17.")  # of a summary
    assert reader.names == ["example 17"]
    assert reader.one("#count").text == "1 of 61"
    assert not reader.one("nav").is_displayed()
    search.clear()
    search.send_keys("silent")  # of a name
    assert reader.names == ["silent"]
    search.send_keys(" is not here")
    assert (reader.names, reader.one("#count").text) == ([], "0 of 61")


def test_a_reader_opens_an_example_and_reads_its_evidence_by_keyboard(browser, reports):
    reader = Reader(browser, reports["few"])
    reader.one("#search").click()
    reader.press(*[TAB] * 4)  # over the three heads to the first name
    bridge, silent = reader.names.index("bridge"), reader.names.index("silent")
    assert bridge < silent
    reader.press(*[DOWN] * bridge, ENTER)
    assert reader.opened == ["bridge"]
    assert browser.current_url.endswith("#example-0")

    # The least supported sentence is shown first, with numbers beside the colours.
    assert [badge.text for badge in reader.all("[role=tab] .badge")] == ["0.310", "0.930"]
    assert reader.chosen == "The bridge was closed on Friday."
    assert "chunk 2 of 2" in reader.one("#evidence").text
    assert reader.texts("blockquote") == [BRIDGE]
    # What both say of the bridge, without the lone "the" and the lone "On" of the chunk.
    assert reader.texts("#evidence p mark") == ["The bridge was closed on"]
    assert reader.texts("blockquote mark") == ["The bridge was closed on"]
    [closest] = reader.texts(".closest")
    assert closest.strip() == "The bridge was closed on Monday after cracks were found."

    reader.press(TAB, DOWN)
    assert reader.chosen == "Cracks were found."
    assert reader.texts("blockquote mark") == ["cracks were found"]
    reader.press(HOME)
    assert reader.chosen == "The bridge was closed on Friday."
    reader.press(END, DOWN)  # nothing is below the last
    assert reader.chosen == "Cracks were found."
    label = reader.one("[role=tabpanel]").get_attribute("aria-labelledby")
    assert reader.one(f"#{label}").get_attribute("aria-selected") == "true"

    reader.press(ESCAPE)
    assert (reader.opened, reader.all("#details")) == ([], [])
    assert "#" not in browser.current_url
    reader.press(*[DOWN] * (silent - bridge), UP, DOWN, ENTER)
    assert reader.opened == ["silent"]
    assert "no sentence" in reader.one("#details").text
    assert browser.get_log("browser") == []


@pytest.fixture(params=[12, pytest.param(5000, marks=pytest.mark.slow)])
def real_texts(request, tmp_path, tiny_aligner, example_rows) -> tuple[AlignScoreResult, str]:
    """A result of real texts, and its report's address: scored, or repeated with any scores."""
    rows = [example_rows[n % len(example_rows)] for n in range(request.param)]
    metric = AlignScore(tiny_aligner, progress=False)
    result = metric.evaluate([row["source"] for row in rows], [row["summary"] for row in rows])
    if request.param > 12:
        any_scores = np.random.default_rng(0).random(len(result.sentence_scores))
        means = aggregate_sentences(any_scores, result.table.example_sentences, "mean")
        result = replace(result, scores=means, sentence_scores=any_scores)
    result.to_html(tmp_path / "report.html")
    return result, (tmp_path / "report.html").as_uri()


def test_a_reader_of_real_texts_sorts_searches_and_reads_the_evidence(browser, real_texts):
    result, address = real_texts
    reader = Reader(browser, address)
    order = np.argsort(result.scores.round(4), kind="stable")[:25]
    assert reader.names == [str(row) for row in order]
    scores = [float(badge.text) for badge in reader.all("tbody td:first-child .badge")]
    assert scores == pytest.approx(result.scores[order], abs=6e-4)
    reader.all("thead button")[0].click()
    assert reader.names[0] == str(result.scores.round(4).argmax())

    worst = min(result.sentences(7), key=lambda found: found.score)
    summaries = [" ".join(one.sentence for one in result.sentences(r)) for r in range(len(result))]
    matching = [str(row) for row, summary in enumerate(summaries) if worst.sentence in summary]
    reader.all("thead button")[2].click()
    reader.one("#search").send_keys(worst.sentence)
    assert reader.names == matching[:25]
    assert reader.one("#count").text == f"{len(matching):,} of {len(result):,}"
    reader.one("#example-7").send_keys(ENTER)
    assert reader.chosen == worst.sentence
    assert reader.texts("blockquote") == [worst.chunk]
    [closest] = reader.texts(".closest")
    assert closest.strip() == closest_sentence(SPLIT(worst.chunk), worst.sentence)
    assert browser.get_log("browser") == []


def test_a_reader_uses_a_mouse(browser, reports):
    reader = Reader(browser, reports["few"])
    reader.one("tr[data-row='0'] .summary").click()
    assert reader.opened == ["bridge"]
    reader.all("[role=tab]")[1].click()
    assert reader.chosen == "Cracks were found."
    reader.one("tr[data-row='3'] .summary").click()
    assert reader.opened == ["snow"]
    reader.one("tr[data-row='3'] .summary").click()
    assert reader.opened == []


def test_the_address_keeps_the_opened_example(browser, reports):
    page = ranked(MANY).index("example 30") // 25
    assert page > 0
    reader = Reader(browser, f"{reports['many']}#example-30")
    assert reader.opened == ["example 30"]
    assert reader.one("#page").get_property("value") == str(page + 1)
    reader.one("#search").send_keys("example 30")
    browser.execute_script("location.hash = '#example-31'")
    assert reader.opened == ["example 31"]  # the search, which would hide it, is over
    browser.refresh()
    assert reader.opened == ["example 31"]
    reader.all("thead button")[2].click()
    assert reader.opened == []  # in that order it is on another page
    reader.one("#next").click()
    assert reader.opened == ["example 31"]
    for nothing in ("#example-61", "#example-x", "#__proto__"):
        assert Reader(browser, reports["many"] + nothing).opened == []
    assert browser.get_log("browser") == []


def test_hostile_text_stays_text(browser, reports):
    reader = Reader(browser, f"{reports['few']}#example-2")
    assert reader.chosen == f"It said {HOSTILE} twice."
    assert reader.texts("blockquote") == reader.texts("h1") == [HOSTILE]
    assert reader.opened == [f"id {HOSTILE}"]
    assert browser.execute_script("return window.broken") is None
    assert reader.all("img") == []
    assert browser.get_log("browser") == []


def test_no_request_leaves_the_page(browser, reports):
    browser.get_log("performance")
    reader = Reader(browser, reports["many"])
    reader.one("tr[data-row] .summary").click()
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in requests if url != "about:blank"] == [reports["many"]]
    assert browser.execute_script("return performance.getEntriesByType('resource')") == []


def test_the_policy_stops_what_a_script_would_send(browser, reports):
    Reader(browser, reports["few"])
    blocked = browser.execute_async_script(
        """const done = arguments[0], blocked = [];
        const note = (event) => blocked.push(event.effectiveDirective);
        addEventListener("securitypolicyviolation", note);
        new Image().src = "http://127.0.0.1:9/";
        fetch("http://127.0.0.1:9/").catch(() => setTimeout(() => done(blocked), 50));"""
    )
    assert sorted(blocked) == ["connect-src", "img-src"]
    browser.get_log("browser")  # the console names the two


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_does_not_scroll_sideways(browser, reports, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for row in (0, 1, 2):
        reader = Reader(browser, f"{reports['few']}#example-{row}")
        assert len(reader.opened) == 1
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_paper_the_page_is_light_and_shows_whole_chunks(browser, reports):
    reader = Reader(browser, f"{reports['few']}#example-0")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    paper = "return getComputedStyle(document.body).backgroundColor"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": dark})
    assert browser.execute_script(paper) != "rgb(255, 255, 255)"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    assert browser.execute_script(paper) == "rgb(255, 255, 255)"
    assert not reader.one("#search").is_displayed()
    assert reader.one("blockquote").is_displayed()
    assert reader.one("blockquote").value_of_css_property("max-height") == "none"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
