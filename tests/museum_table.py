"""The museum's table, lessons/MUSEUM.md: what each wrong implementation breaks. `python -m tests.museum_table` writes it."""

from tests.generated import ROOT
from tinyattr.testing import museum

PAGE = ROOT / "lessons" / "MUSEUM.md"
HEAD = """# The museum of wrong softmaxes

Every fault here is a few lines of our own (`tinyattr/testing/wrong.py`), in the form of one that somebody reported or
that is easily made. A default call of `check` finds each: `museum.asked(museum.WRONG["epsilon below"])`. The last column
lists the identities that break, and no others do, but for bfloat16, which is asked only where ml_dtypes is installed. The right implementations below (`tinyattr/testing/right.py`) keep all
of them, whatever they round. `python -m tests.museum_table` writes this page.
"""


def broken(exhibit):
    """The identities that an exhibit breaks, but for bfloat16: it is asked only where ml_dtypes is installed."""
    return [identity for identity in museum.asked(exhibit).broken if identity != "the formula in bfloat16"]


def row(exhibit, found):
    """A line of the table of wrong ones."""
    cells = (exhibit.name, exhibit.part, exhibit.says, exhibit.report or "–", "; ".join(found))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("*", "\\*") for cell in cells) + " |"


def page():
    """The page as Markdown."""
    wrong = [row(exhibit, broken(exhibit)) for exhibit in museum.WRONG.values()]
    right = [f"| {e.name} | {e.part} | {e.says} |" for e in museum.RIGHT.values()]
    return "\n".join([
        HEAD, f"## {len(wrong)} wrong ones", "", "| name | it is a | what it does | report | breaks |", "|---|---|---|---|---|",
        *wrong, "", f"## {len(right)} right ones", "", "| name | it is a | what it does |", "|---|---|---|",
        *(line.replace("|z|", "\\|z\\|") for line in right), ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
