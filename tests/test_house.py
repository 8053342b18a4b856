"""The house: rooms in one order, imports that run down it, a heart that stays small and knows nothing of what is around."""

import ast
import re
from pathlib import Path

import pytest

import tinyattr as ta

PACKAGE = Path(ta.__file__).parent
HEART = ["softmax", "scores", "engine", "nets", "methods", "attack"]
ROOMS = ["errors", *HEART, "kernels", "files", "glyphs", "studies", "testing", "course", "bench", "cli", "__main__"]
LARGEST_HEART, MOST_ENTRIES = 3500, 17


def files(*rooms):
    """All modules of the rooms."""
    return [p for p in sorted(PACKAGE.rglob("*.py")) if p.relative_to(PACKAGE).parts[0].removesuffix(".py") in rooms]


def imported(path):
    """Every module that a file imports, wherever in the file it does: "numpy", "tinyattr.engine.tape"."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "tinyattr":
            yield from (f"tinyattr.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def lines(paths):
    return sum(len(p.read_text(encoding="utf-8").splitlines()) for p in paths)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_downwards_only(room):
    """A room imports from itself and from rooms that come before it. Three steps up, when called: Heatmap.save draws, Network.read
    opens a photo, Network.with_weights a file."""
    assert files(room), f"no room {room}"
    for path in files(room):
        for module in imported(path):
            if module.startswith("tinyattr."):
                other = module.split(".")[1]
                allowed = (path.name, module) in {("heatmap.py", "tinyattr.studies.draw"), ("network.py", "tinyattr.files.photo"),
                                                  ("network.py", "tinyattr.files.bare_weights")}
                assert allowed or ROOMS.index(other) <= ROOMS.index(room), f"{path.name} imports {module}"


def test_every_entry_is_a_room():
    entries = {p.name.removesuffix(".py") for p in PACKAGE.iterdir() if p.name != "__pycache__"}
    assert entries == {*ROOMS, "__init__"}
    assert len(entries) <= MOST_ENTRIES


def test_the_heart_knows_nothing_of_speed_files_and_figures():
    for path in files(*HEART):
        assert not {"numba", "h5py", "matplotlib"} & {module.split(".")[0] for module in imported(path)}, path
        found = re.findall(r"numba|prepared|beside|\bMaps\b|worth_it|h5py|matplotlib", path.read_text(encoding="utf-8"))
        assert not found, f"{path.name} says {found}"


def test_the_heart_is_small():
    assert lines(files(*HEART)) < LARGEST_HEART


def test_record_tape_and_walk_are_small():
    """What every method is built on fits on three screens: under 230 lines with its docstrings."""
    assert lines([PACKAGE / "engine" / f"{name}.py" for name in ("record", "tape", "walk")]) < 230


def test_public_names_are_documented():
    for name in ta.__all__:
        assert getattr(ta, name).__doc__, name


def test_names_that_users_rely_on():
    from tinyattr import check, strategies

    assert check.softmax_identities
    assert strategies.logits
