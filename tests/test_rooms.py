"""The floor plan: which rooms there are, and that imports between them go one way."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "alignscore_metric"
ROOMS = (
    "errors",  # and the version, and types of arrays
    "system",
    "text",
    "scores",
    "checkpoint",
    "engine",
    "report",
    "metric",  # and what else lies at the package's root
    "files",
    "edits",
    "training",
    "leaderboards",
    "server",
    "integrations",
    "commands",
)
"""From the ground up: a room may import those before it, and the public names of the package."""

WITHOUT_TORCH = ("errors", "system", "text", "scores", "edits")
"""Rooms that import no torch, however late."""


def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {}
    for path in sorted((ROOT / PACKAGE).glob("**/*.py")) + sorted(
        file for top in ("leaderboards", "data_cards") for file in (ROOT / top).glob("**/*.py")
    ):
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts if parts[0] == PACKAGE else (PACKAGE, *parts)
        found[".".join(part for part in parts if part != "__init__")] = path
    return {name: path for name, path in found.items() if "hf_alignscore" not in name}


MODULES = modules()


def room_of(module: str) -> str:
    place = module.removeprefix(PACKAGE).strip(".").split(".")[0]
    if place in ("arrays", "errors", "version"):
        return "errors"
    if place == "__main__":
        return "commands"
    return place if place in ROOMS and place != "metric" else "metric"


def imported(path: Path) -> Iterator[str]:
    """Names of modules that a file imports, at once, later or for types alone."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path}: imports are absolute"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


@pytest.mark.parametrize("module", [name for name in MODULES if "." in name])
def test_imports_go_down(module: str):
    room = room_of(module)
    for name in imported(MODULES[module]):
        if name in MODULES and name != PACKAGE and room_of(name) != room:
            assert ROOMS.index(room_of(name)) < ROOMS.index(room), f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in MODULES if room_of(name) in WITHOUT_TORCH])
def test_pure_rooms_import_no_torch(module: str):
    if module != f"{PACKAGE}.system.allocator":  # tells torch's thread pool nothing, asks glibc
        assert not [name for name in imported(MODULES[module]) if name.split(".")[0] == "torch"]


def test_no_module_imports_itself_through_others():
    """Within a room too: Kahn's algorithm takes every module away."""
    arrows = {
        name: {one for one in imported(path) if one in MODULES and one not in (name, PACKAGE)}
        for name, path in MODULES.items()
        if name != PACKAGE
    }
    while free := [name for name, needs in arrows.items() if not needs]:
        for name in free:
            del arrows[name]
        for needs in arrows.values():
            needs.difference_update(free)
    assert not arrows


def test_every_room_says_what_it_is():
    rooms = {path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py")}
    assert rooms - {"data_cards"} == set(ROOMS) - {"errors", "metric"}
    for module, path in MODULES.items():
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), module
