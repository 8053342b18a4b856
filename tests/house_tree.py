"""The README's tree of the rooms and the sizes of the heart. `python -m tests.house_tree` writes them."""

from tests.generated import ROOT, with_part, write
from tests.test_house import HEART, PACKAGE, ROOMS, files, lines

HALF_LINES = {
    "errors.py": "the one kind of error for whatever a user can get wrong, and the checks that raise it",
    "softmax.py": "softmax, cross-entropy and their Jacobians, as both papers write them",
    "scores.py": "scores: what is explained, as a row dS/dz at the logits",
    "engine": "the tape, the ops, the rules, the walk, and the backend that computes in NumPy",
    "nets": "a network is a list of layers and a dict of weights; what its pictures and classes are",
    "methods": "every attribution method beside its formula",
    "attack.py": "the altered network: the same number t(x) added to every logit",
    "kernels": "the fast backend: the same ops and rules, compiled by Numba; you may skip it",
    "files": "photos, and weight files of every supported format and architecture: read, checked, written",
    "glyphs": "the embedded world: pictures that we draw, and the network trained on them",
    "studies": "explain, reproduce, audit, evaluate, detect, repair, and the figures",
    "testing": "identities and hypothesis strategies for a softmax of your own",
    "course": "how lessons run, are handed out and are graded",
    "bench": "how fast the engine is on your machine",
    "cli": "the command line",
    "__main__.py": "lets `python3 -m tinyattr` start it",
    "__init__.py": "the names that users call, as `ta.load`",
}
FIRST = ("tape", "ops", "rules", "walk")
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
        "```", "tinyattr/", *heart, f"  {' the heart ends here ':-^100}", *around, "```", "",
        f"The heart is about {about(lines(files(*HEART)))} lines, of which tape, ops, rules and walk are {about(first)}; "
        f"the kernels are about {about(lines(files('kernels')))} lines",
        "that you may skip. A file imports from its own room, from lines above it and from `errors.py`, so the heart",
        "knows nothing of what stands around it. (Three exceptions: a heatmap's `save` calls `studies/draw.py`, a network's",
        "`read` and `with_weights` call `files/photo.py` and `files/bare_weights.py`.)",
    ])


def with_tree(readme):
    """The README's text with the tree in its place."""
    return with_part(readme, START, END, tree())


if __name__ == "__main__":
    write(ROOT / "README.md", with_tree)
