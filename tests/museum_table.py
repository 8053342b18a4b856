"""The museum's table, lessons/MUSEUM.md: what each wrong implementation breaks. `python -m tests.museum_table` writes it."""

from tests.generated import ROOT
from tinyattr.testing import museum

PAGE = ROOT / "lessons" / "MUSEUM.md"
HEAD = """# The museum of wrong softmaxes

Every fault here is a few lines of our own (`tinyattr/testing/wrong.py`). Each has the form of a fault that somebody
reported, or that is easily made. The column "report" names the public bug report, if there is one. A default call of
`check` finds each fault, and `museum.asked(museum.WRONG["epsilon below"])` shows what `check` finds for one of them.

The last column lists the identities that a fault breaks. An identity is an equation, or another sentence, that is true
for every right implementation and all logits. Numbers such as (8) are those of the equations in Lerma and Lucas 2023a.
A fault breaks no other identities. Only "the formula in bfloat16" is not listed, because `check` tests it only where
ml_dtypes is installed.

The right implementations (`tinyattr/testing/right.py`) stand below. They round in different ways, but they keep all
identities. `python -m tests.museum_table` writes this page.
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
