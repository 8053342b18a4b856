"""The house itself: imports run downwards only, the public names exist, the engine stays small."""

import ast
from pathlib import Path

import tinyattr as ta

PACKAGE = Path(ta.__file__).parent
STOREYS = [  # a room may import from its own storey and from those after it
    ["__main__"], ["lesson", "playground"], ["audit"], ["explain", "pointing", "curves", "reproduce", "contrasts", "verify", "bench"],
    ["bake", "cure", "twins"], ["attack"],
    ["methods", "strategies"], ["nets"], ["draw"], ["files"], ["engine"], ["check"],
    ["scores", "metrics"], ["softmax"], ["errors"],
]
LEVEL = {room: level for level, rooms in enumerate(STOREYS) for room in rooms}


def rooms_imported(path):
    """Rooms that a file's imports lead to, wherever in the file they stand."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tinyattr."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "tinyattr":
            yield from (alias.name for alias in node.names)


def test_imports_run_downwards_only():
    seen = set()
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        seen.add(room)
        for other in rooms_imported(path):
            assert LEVEL[room] <= LEVEL[other], f"{path.name} imports {other}, which stands above it"
    assert seen == set(LEVEL)


def test_public_names_are_documented():
    for name in ta.__all__:
        assert getattr(ta, name).__doc__, name


def test_the_engine_is_small():
    """Tape, ops, rules, walk and weight gradients: under 400 lines, blank ones not counted."""
    files = [PACKAGE / "engine" / f"{f}.py" for f in ("tape", "ops", "rules", "walk", "weights")]
    assert sum(1 for f in files for line in f.read_text(encoding="utf-8").splitlines() if line.strip()) < 400
