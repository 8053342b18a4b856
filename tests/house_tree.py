"""The README's tree of the rooms and the sizes of the heart. `python -m tests.house_tree` writes them."""

from tests.generated import ROOT, with_part, write
from tests.test_house import HEART, PACKAGE, ROOMS, files, lines

HALF_LINES = {
    "errors.py": "the error that tells a user what went wrong, and the checks that raise it; every file may import it",
    "softmax.py": "softmax, cross-entropy and their derivatives (Jacobians), written as in the two papers",
    "scores.py": "the scores: the numbers S that a heatmap can explain, and their rows dS/dz",
    "engine": "the tape, the ops (what a layer computes), the rules, the walk, and the backend, which computes with NumPy",
    "nets": "networks: a list of layers, a dict of weights, how photos are preprocessed, the names of the classes",
    "methods": "every method that computes a heatmap (an attribution method); its docstring begins with its formula",
    "attack.py": "the altered network: it adds the same number t(x) to every logit",
    "kernels": "the fast backend: the same ops and rules, compiled by Numba; you may skip it",
    "files": "reads photos; reads and checks weight files of every supported format and architecture; writes its own format",
    "glyphs": "draws the pictures of glyphs, and trains the embedded network on them",
    "studies": "explains a photo, evaluates methods, audits a network, finds the attack and removes it; draws the figures",
    "testing": "tests for a softmax of your own: identities, and random inputs made with the package Hypothesis",
    "course": "runs lessons, hands them out and grades them",
    "bench": "measures how fast the engine is on your machine",
    "cli": "the command line",
    "__main__.py": "lets `python3 -m tinyattr` start the command line",
    "__init__.py": "the names that users call, such as `ta.load`",
}
FIRST = ("record", "tape", "ops", "rules", "walk")
START, END = "<!-- house: python -m tests.house_tree -->", "<!-- end of house -->"


def entries():
    """The names of all that lies in the package's folder, in the order of the house: rooms import downwards."""
    found = {p.name.removesuffix(".py"): p.name for p in PACKAGE.iterdir() if p.name != "__pycache__"}
    return [found.pop(room) for room in ROOMS if room in found] + sorted(found.values())


def about(n):
    """A size as text, to two digits: 467 lines are "470"."""
    return f"{float(f'{n:.1e}'):,.0f}"


def tree():
    """The rooms, one a line, the heart first; then the sizes, counted in all lines of the files."""
    room = {name: f"  {name if '.' in name else name + '/':<12} {HALF_LINES[name]}" for name in entries()}
    heart = [line for name, line in room.items() if name.removesuffix(".py") in HEART]
    around = [line for line in room.values() if line not in heart]
    first = lines(PACKAGE / "engine" / f"{name}.py" for name in FIRST)
    return "\n".join([
        "```", "tinyattr/", *heart, f"  {' the heart of the package ends here ':-^100}", *around, "```", "",
        "The part above the dashed line is called the heart of the package. It has about "
        f"{about(lines(files(*HEART)))} lines. About {about(first)} of them are in `record.py`,",
        f"`tape.py`, `ops.py`, `rules.py` and `walk.py`. `kernels/` has about {about(lines(files('kernels')))} lines; you may skip them.",
    ])


def with_tree(readme):
    """The README's text with the tree in its place."""
    return with_part(readme, START, END, tree())


if __name__ == "__main__":
    write(ROOT / "README.md", with_tree)
