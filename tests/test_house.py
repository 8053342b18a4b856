"""The house: rooms in one order, imports that run down it, a heart that stays small and knows nothing of what is around."""

import ast
import re
from pathlib import Path

import pytest

import tinyattr as ta

PACKAGE = Path(ta.__file__).parent
HEART = ["errors", "softmax", "scores", "engine", "nets", "methods", "attack"]
ROOMS = [*HEART, "kernels", "files", "glyphs", "studies", "testing", "course", "bench", "cli", "__main__"]
LARGEST_HEART, LARGEST_PACKAGE, MOST_ENTRIES = 3500, 10_300, 17


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
    """A room imports from itself and from rooms that come before it. Two steps up, when called: Heatmap.save draws, Network.read
    opens a photo."""
    assert files(room), f"no room {room}"
    for path in files(room):
        for module in imported(path):
            if module.startswith("tinyattr."):
                other = module.split(".")[1]
                allowed = (path.name, module) in {("heatmap.py", "tinyattr.studies.draw"), ("network.py", "tinyattr.files.photo")}
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


def test_the_heart_and_the_package_are_small():
    assert lines(files(*HEART[1:])) < LARGEST_HEART  # errors.py is every room's
    assert lines(files(*ROOMS)) < LARGEST_PACKAGE


def test_the_engine_is_small():
    """All of it under 750 lines, blank ones not counted; without ops and rules, the mechanism, under 250."""
    def written(*modules):
        texts = ((PACKAGE / "engine" / f"{module}.py").read_text(encoding="utf-8") for module in modules)
        return sum(1 for text in texts for line in text.splitlines() if line.strip())

    assert written("tape", "walk", "backend", "arrays") < 250
    assert written(*(p.stem for p in (PACKAGE / "engine").glob("*.py"))) < 750


def test_public_names_are_documented():
    for name in ta.__all__:
        assert getattr(ta, name).__doc__, name


def test_names_that_users_rely_on():
    from tinyattr import check, strategies

    assert check.softmax_identities
    assert strategies.logits
