"""The page: one HTML file that holds its style, its script and its data, and asks for nothing else.

Texts of the data reach the page as JSON alone, and the script writes them as text. A policy in the
page lets only its own script and style run, and no request leave it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import IO, TYPE_CHECKING

import numpy as np

from alignscore_metric.errors import InputError
from alignscore_metric.report.content import page_content
from alignscore_metric.report.histogram import histogram
from alignscore_metric.system.whole_files import whole_file

if TYPE_CHECKING:
    from alignscore_metric.report.evaluation import Evaluation

ENDING = ".html"
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
"""What could end a script element or, in old engines, a line of a script."""


def render_page(
    result: Evaluation, *, ids: Sequence[object] | None = None, title: str = "AlignScore"
) -> str:
    """The report of a result.

    Args:
        result: N examples.
        ids: What to call them, N values; their row numbers, from 0, where None.
        title: Heading of the page.

    Returns:
        An HTML document, encodable as UTF-8.

    Raises:
        InputError: There are more or fewer than N ids.
    """
    names = [str(name) for name in (range(len(result)) if ids is None else ids)]
    if len(names) != len(result):
        raise InputError(f"{len(names)} ids but {len(result)} pairs; give one id per pair")
    style, script, page = (_template(name) for name in ("style.css", "script.js", "page.html"))
    interval = result.ci()
    document = Template(page).substitute(
        policy=_policy(style, script),
        style=style,
        script=script,
        title=escape(title),
        facts=_facts(result, interval),
        histogram=histogram(result.defined, result.mean, interval) if len(result.defined) else "",
        signature=escape(result.signature),
        data=_json(page_content(result, names)),
    )
    # A lone surrogate is no UTF-8; as \ud800 it is itself to JSON, and legible elsewhere.
    return document.encode("utf-8", "backslashreplace").decode("utf-8")


@contextmanager
def page_writer(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a place to write a page to, before the work whose result it will hold.

    Args:
        path: A file whose name ends in .html; one that exists is replaced.

    Yields:
        Where to write. The file appears whole when the block ends well, and not at all otherwise.

    Raises:
        InputError: The place cannot be written to, or its name has another ending.
    """
    file = Path(path)
    if file.suffix != ENDING:  # so that a slip of the pen cannot replace the scored table
        raise InputError(f"{path}: a report is a web page; give it a name that ends in {ENDING}")
    with whole_file(file) as stream:
        yield stream


def _template(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded or sent; of style and script, only what is in the page may act."""
    hashes = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    )
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        "style-src 'sha256-{}'; script-src 'sha256-{}'".format(*hashes)
    )


def _facts(result: Evaluation, interval: tuple[float, float]) -> str:
    facts = {"mean": _number(result.mean)}
    if not np.isnan(interval[0]):
        facts["95% interval"] = " to ".join(map(_number, interval))
    facts["examples"] = f"{len(result):,}"
    facts["sentences"] = f"{len(result.sentence_scores):,}"
    facts["without a sentence, left out"] = f"{result.undefined:,}"
    return "\n".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())


def _number(score: float) -> str:
    return "undefined" if np.isnan(score) else f"{score:.4f}"


def _json(content: object) -> str:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)
