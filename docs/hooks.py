"""What mkdocs.yml cannot say: pages of the repository that lie outside docs/, lists in `nav`.

Links in all pages are those of the repository, so that they also work where it is browsed.
"""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from griffe import Extension, Object
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
#: They keep their paths on the site, where docs/ is the root.
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "MODEL_LICENSES.md",
    "alignscore_metric/models/mini/README.md",
    "alignscore_metric/training/claims/README.md",
    "benchmarks/README.md",
    "examples/README.md",
    "examples/notebooks/*.ipynb",
    "leaderboards/results/*.md",
)
#: A Markdown link to a page of the repository: its path.
LINK = re.compile(r"(?<=\]\()(?![a-z]+:)[^)#\s]+\.md(?=[)#])")
#: A leaderboard: a bold title and a wide table.
BOARD_START = re.compile(r"\A\*\*(.+?)\*\* ")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, then write out the patterns in `nav`."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            uri = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    pages = sorted(file.src_uri for file in files.documentation_pages())
    config.nav = expand(config.nav, pages)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links into the site's, and the bold title of a leaderboard into its heading."""
    del config, files
    uri = page.file.src_uri
    markdown = LINK.sub(lambda link: site_link(uri, link.group()), markdown)
    markdown, boards = BOARD_START.subn(r"# \1\n\n", markdown)
    if boards:
        page.meta["hide"] = ["toc"]
    return markdown


def site_link(page: str, link: str) -> str:
    """A link from a page of the site, given the link as it stands in the repository.

    Example:
        >>> site_link("training.md", "../leaderboards/results/README.md")
        'leaderboards/results/README.md'
        >>> site_link("leaderboards/results/README.md", "../../docs/data_cards/README.md")
        '../../data_cards/README.md'
    """
    outside = any(fnmatch(page, pattern) for pattern in OUTSIDE)
    home = posixpath.dirname(page if outside else f"docs/{page}")
    target = posixpath.normpath(posixpath.join(home, link))
    # The README is the front page of the repository, as the home page is that of the site.
    target = "index.md" if target == "README.md" else target.removeprefix("docs/")
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def expand(nav: Any, pages: list[str]) -> Any:  # noqa: ANN401  # as YAML has it
    """Put the pages of a folder that a list does not name in the place of its `FOLDER/*`.

    Example:
        >>> expand(["b/2.md", "b/*"], ["a.md", "b/1.md", "b/2.md", "b/3.md"])
        ['b/2.md', 'b/1.md', 'b/3.md']
    """
    if isinstance(nav, dict):
        return {title: expand(entry, pages) for title, entry in nav.items()}
    if not isinstance(nav, list):
        return nav
    found: list[Any] = []
    for entry in nav:
        if isinstance(entry, str) and entry.endswith("/*"):
            found += [page for page in pages if fnmatch(page, entry) and page not in nav]
        else:
            found.append(expand(entry, pages))
    return found


class SingularExample(Extension):
    """Lets griffe, which knows `Examples:` alone, read the docstrings' `Example:` as code."""

    def on_object(self, *, obj: Object, **_: Any) -> None:  # noqa: ANN401  # griffe's own
        """Change the heading."""
        if obj.docstring:
            obj.docstring.value = re.sub(
                r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE
            )
