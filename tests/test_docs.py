"""The documentation: its code run, its figures compared, its site built and searched."""

import doctest
import functools
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import front_page
import pytest

import alignscore_metric
from alignscore_metric import metric as metric_module
from alignscore_metric.commands.main import main

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md"))}
FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
#: Run by tests of their own, with the files and the libraries that they need.
RUN_ELSEWHERE = {"integrations", "leaderboards"}
#: As in the README: `py` needs the network or files of the reader's, `text` is not for us to run.
NOT_RUN = {"py", "text", "json", "yaml", "ini"}


def blocks(page: str) -> list[tuple[str, str]]:
    return [block for block in FENCE.findall(PAGES[page]) if block[0] not in NOT_RUN]


def test_every_block_is_run_or_says_that_it_is_not():
    found = {language for page in PAGES for language, _ in blocks(page)}
    assert found == {"python", "sh"}


@pytest.fixture(scope="module")
def load_once():
    """The bundled aligner, read from the disk once for all pages."""
    return functools.cache(metric_module.load_checkpoint)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p) and p not in RUN_ELSEWHERE])
@pytest.mark.slow
def test_the_blocks_run_in_their_order(page, load_once, few_examples, monkeypatch, request):
    monkeypatch.setattr(metric_module, "load_checkpoint", load_once)
    monkeypatch.setenv("MPLBACKEND", "agg")
    write_summaries(few_examples / "summaries.jsonl")
    session: dict[str, object] = {"__name__": "__main__"}
    for language, block in blocks(page):
        if "--engine ray" in block:
            request.addfinalizer(
                pytest.importorskip("ray", reason="needs the extra `ray`").shutdown
            )
        if language == "python":
            exec(block, session)  # noqa: S102 - the page is ours
            continue
        for line in block.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert (program, main(arguments)) == ("alignscore", 0), line


def write_summaries(file: Path) -> None:
    """The summaries with judgments that the pages speak of."""
    source = "The bridge was closed on day 7."
    judged = [
        {"source": source, "summary": f"It was on day {n % 10}.", "label": label}
        for n, label in enumerate([0, 1] * 20 + [None] * 20)
    ]
    file.write_text("\n".join(map(json.dumps, judged)), encoding="utf-8")


def test_the_figures_of_models_are_those_of_the_boards_and_the_papers():
    row = r"^\| `?([\w -]+?)`?, (?:published|measured here) \|[^|]*\|(.+)\|$"
    found = {
        name: [float(cell) for cell in cells.split("|")]
        for name, cells in re.findall(row, PAGES["models"], flags=re.MULTILINE)
    }
    boards = list(front_page.read_boards().values())
    measured = [{row["metric"]: row["mean"]["value"] for row in board["rows"]} for board in boards]
    tables = json.loads((ROOT / "leaderboards" / "published.json").read_text())
    published = [
        next(table["rows"] for table in tables if table["id"] == f"alignscore-readme-{name}")
        for name in ("summac", "true", "other")
    ]
    assert found == {
        "AlignScore-large": [rows["AlignScore-large"][-1] for rows in published],
        "AlignScore-base": [rows["AlignScore-base"][-1] for rows in published],
        "mini": [round(100 * means["mini,precision=bf16"], 1) for means in measured],
        "ROUGE-2 precision": [round(100 * means["rouge2_precision"], 1) for means in measured],
    }


# --- the site


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    for module in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        pytest.importorskip(module, reason="needs the extra `docs`")
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)],
        cwd=root,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT, folder)
    assert (built.returncode, "WARNING" in built.stderr) == (0, False), built.stderr
    return folder


class Tags(HTMLParser):
    """Tags of a page with their attributes."""

    def __init__(self, page: Path):
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def test_every_page_can_be_reached_from_the_navigation(built_site: Path):
    reached = {
        page.parent.joinpath(attributes["href"].partition("#")[0]).resolve()
        for page in built_site.rglob("*.html")
        for tag, attributes in Tags(page).found
        if tag == "a" and re.search(r"md-(nav|tabs)__link", attributes.get("class", ""))
    }
    for page in DOCS.rglob("*.md"):
        html = built_site / page.relative_to(DOCS).with_suffix(".html")
        assert html.with_stem(html.stem.replace("README", "index")).resolve() in reached


def test_nothing_is_fetched_from_another_host(built_site: Path):
    loaded = {
        attributes.get("src") or attributes.get("href") or attributes.get("data", "")
        for page in built_site.rglob("*.html")
        for tag, attributes in Tags(page).found
        if tag not in ("a", "area")
    }
    loaded |= {
        address
        for sheet in built_site.rglob("*.css")
        for address in re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", sheet.read_text())
    }
    assert len(loaded) > 10
    assert not [a for a in loaded if re.match(r"(?!data:)\w+:|//", a)]


def test_all_public_names_are_in_the_reference(built_site: Path):
    anchors = {
        attributes.get("id")
        for page in (built_site / "api").glob("*.html")
        for _, attributes in Tags(page).found
    }
    names = {f"alignscore_metric.{name}" for name in alignscore_metric.__all__}
    interfaces = {
        f"alignscore_metric.integrations.{path.stem}"
        for path in (ROOT / "alignscore_metric" / "integrations").glob("*.py")
        if path.stem not in ("__init__", "evaluate_api", "feedback")
    }
    assert (names - {"alignscore_metric.__version__"}) | interfaces <= anchors


@pytest.mark.parametrize("width", [390, 1280])
def test_search_works_from_the_disk_without_a_request(built_site, browser, width):
    browser.get("about:blank")
    browser.set_window_size(width, 900)
    browser.get_log("performance"), browser.get_log("browser")  # of Chromium's own first page
    browser.get((built_site / "index.html").as_uri())
    browser.execute_script("document.getElementById('__search').click()")
    box = browser.find_element("css selector", ".md-search__input")
    browser.execute_script("arguments[0].focus()", box)
    browser.switch_to.active_element.send_keys("balanced accuracy")
    give_up = time.monotonic() + 30
    while not (found := browser.find_elements("css selector", ".md-search-result__link")):
        assert time.monotonic() < give_up, browser.get_log("browser")
        time.sleep(0.05)
    assert any("leaderboards" in link.get_attribute("href") for link in found)
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    events = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    requests = [e for e in events if e["method"] == "Network.requestWillBeSent"]
    asked = {event["params"]["request"]["url"].partition(":")[0] for event in requests}
    assert "file" in asked
    assert asked <= {"file", "data", "blob"}
    assert browser.get_log("browser") == []


@pytest.mark.slow
def test_a_forgotten_page_and_broken_links_stop_the_build(tmp_path: Path):
    slow = shutil.ignore_patterns("api", "data_cards")
    shutil.copytree(DOCS, tmp_path / "docs", ignore=slow)
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    for name in ("alignscore_metric", "benchmarks", "examples", "leaderboards"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs" / "forgotten.md").write_text("# Forgotten\n")
    broken = ("nowhere.md", "../nowhere/README.md", "reading.md#nowhere", "../setup.cfg")
    with (tmp_path / "docs" / "start.md").open("a") as page:
        page.writelines(f"[x]({link})\n" for link in broken)
    built = build(tmp_path, tmp_path / "site")
    assert built.returncode != 0
    for name in ("- forgotten.md", *(link.removeprefix("../") for link in broken)):
        assert name in built.stderr


def test_the_examples_of_the_hooks():
    pytest.importorskip("mkdocs", reason="needs the extra `docs`")
    spec = importlib.util.spec_from_file_location("hooks", DOCS / "hooks.py")
    spec.loader.exec_module(hooks := importlib.util.module_from_spec(spec))
    assert doctest.testmod(hooks) == (0, 3)
