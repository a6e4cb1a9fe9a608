r"""Layouts as LaTeX: tables for papers, with booktabs and graphicx alone, for any engine.

The output is ASCII: letters with accents become commands, unknown signs their code points.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from alignscore_metric.leaderboards.tables.layout import PUBLISHED, Layout, Line, TableEntry
from alignscore_metric.system.terminal import plain

_SIGNS = {
    **{one: f"\\{one}" for one in "&%$#_{}"},
    # After \\, these would begin an argument of it.
    "[": "{[}",
    "*": "{*}",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    '"': r"\char34{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{MINUS SIGN}": "$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{LATIN SMALL LETTER SHARP S}": r"\ss{}",
    "\N{LATIN SMALL LETTER AE}": r"\ae{}",
    "\N{LATIN CAPITAL LETTER AE}": r"\AE{}",
    "\N{LATIN SMALL LETTER O WITH STROKE}": r"\o{}",
    "\N{LATIN CAPITAL LETTER O WITH STROKE}": r"\O{}",
    "\N{LATIN SMALL LETTER L WITH STROKE}": r"\l{}",
    "\N{LATIN CAPITAL LETTER L WITH STROKE}": r"\L{}",
}
_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING CEDILLA}": "c",
}
"""Combining characters, and the commands that set them on a letter."""

WIDE = 8
"""More columns than this go on landscape paper in a document of their own."""

_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
"""As wide as the table is, or shrunk to the line where it is wider."""


def latex_table(layout: Layout) -> str:
    r"""A layout as a `table*` with a caption, a label, and its notes under it."""
    label = re.sub(r"[^a-z0-9]+", "-", layout.title.lower()).strip("-")
    caption = ". ".join(_flowing(text) for text in (layout.title, layout.facts) if text)
    headings = [TableEntry(layout.corner), *layout.headings]
    lines = [
        r"% needs \usepackage{booktabs,graphicx}",
        r"\begin{table*}[tbp]",
        r"\centering",
        rf"\caption{{{caption}.}}",
        rf"\label{{tab:{label}}}",
        r"\par\medskip",
        _FIT,
        rf"\begin{{tabular}}{{l{'r' * len(layout.headings)}}}",
        r"\toprule",
        " & ".join(_value(heading) + _marks(heading) for heading in headings) + r" \\",
        r"\midrule",
        *(_row(line) for line in layout.measured),
        *_published(layout),
        r"\bottomrule",
        r"\end{tabular}}",
        *_notes(layout),
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def latex_document(layouts: Sequence[Layout]) -> str:
    """A document of its own: A4, landscape for many columns, taller where a table needs it."""
    wide = any(len(layout.headings) > WIDE for layout in layouts)
    width, height = (297, 210) if wide else (210, 297)
    height = max(height, *map(_height, layouts))
    tables = "\n".join(latex_table(layout) for layout in layouts)
    return rf"""\documentclass{{article}}
\usepackage[T1]{{fontenc}}
\usepackage[paperwidth={width}mm,paperheight={height}mm,margin=15mm]{{geometry}}
\usepackage{{booktabs,graphicx}}
\begin{{document}}
{tables}\end{{document}}
"""


def _height(layout: Layout) -> int:
    """Millimetres of paper that surely hold a table with its notes and margins."""
    rows = sum(1 + line.has_interval for line in layout.lines)
    texts = [layout.facts, *(text for _, text in (*layout.notes, *layout.signatures))]
    return 65 + round(4.3 * rows) + 3 * sum(1 + len(text) // 100 for text in texts)


def _published(layout: Layout) -> list[str]:
    if not layout.published:
        return []
    heading = rf"\multicolumn{{{len(layout.headings) + 1}}}{{l}}{{\textit{{{PUBLISHED}}}}} \\"
    return [r"\midrule", heading, *(_row(line) for line in layout.published)]


def _row(line: Line) -> str:
    # The marks of a number take no room, so that numbers stay under numbers.
    cells = [
        _value(entry) + rf"\rlap{{{_marks(entry)}}}" * bool(entry.marks) for entry in line.entries
    ]
    values = " & ".join([_value(line.name) + _marks(line.name), *cells])
    if not line.has_interval:
        return rf"{values} \\"
    small = "".join(rf" & {{\tiny {_number(entry.interval)}}}" for entry in line.entries)
    return rf"{values} \\[-0.8ex]" + "\n" + rf"{small} \\[0.3ex]"


def _value(entry: TableEntry) -> str:
    is_number = re.fullmatch(r"<?-?\d+\.\d+", entry.value)
    value = _number(entry.value) if is_number else _escape(entry.value)
    value = rf"\textbf{{{value}}}" if entry.best else value
    return rf"\underline{{{value}}}" if entry.tied else value


def _marks(entry: TableEntry) -> str:
    return rf"\textsuperscript{{{','.join(entry.marks)}}}" if entry.marks else ""


def _number(text: str) -> str:
    return _escape(text.replace("-", "\N{MINUS SIGN}"))


def _notes(layout: Layout) -> list[str]:
    """The legend, the notes and the signatures, under the table."""
    legend = _flowing(layout.explain(best="bold", tied="underlined"))
    marked = [rf"\textsuperscript{{{mark}}}\,{_flowing(text)}" for mark, text in layout.notes]
    signed = [_flowing(f"{name}: {source}") for name, source in layout.signatures]
    paragraphs = [text for text in (legend, *marked, *signed) if text]
    if not paragraphs:
        return []
    return [
        r"\par\smallskip",
        r"\begin{minipage}{\linewidth}\raggedright\scriptsize",
        "\n\n".join(paragraphs),
        r"\end{minipage}",
    ]


def _flowing(text: str) -> str:
    """A text in lines: its long words may break after every sign and after 24 letters."""
    return " ".join(
        r"\allowbreak{}".join(_escape(part) for part in re.findall(r"\w{1,24}\W?|\W", word))
        if len(word) > 24
        else _escape(word)
        for word in plain(text).split()
    )


def _escape(text: str) -> str:
    """Any text; an empty group keeps -- and the like from becoming one sign."""
    letters = unicodedata.normalize("NFC", plain(text))
    pairs = zip(f" {letters}", letters, strict=False)
    return "".join("{}" * (a == b and b in "-',") + _letter(b) for a, b in pairs)


def _letter(letter: str) -> str:
    if letter in _SIGNS or letter.isascii():
        return _SIGNS.get(letter, letter)
    base, mark = (*unicodedata.normalize("NFD", letter), "", "")[:2]
    if base.isascii() and unicodedata.normalize("NFC", base + mark) == letter and mark in _ACCENTS:
        return rf"\{_ACCENTS[mark]}{{{base}}}"
    return f"{{[}}U+{ord(letter):04X}]"
