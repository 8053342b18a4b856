"""The museum's table, lessons/MUSEUM.md: what each wrong implementation breaks. `python -m tests.museum_table` writes it."""

from tests.generated import ROOT
from tinyattr.testing import museum

PAGE = ROOT / "lessons" / "MUSEUM.md"
HEAD = """# The museum of wrong softmaxes

`check` tests a softmax that you wrote; [a page of its own](pages/softmax.md) shows how. But how good is `check`? This page
lists implementations on which we try it. In the wrong ones, `check` must find the fault. The right ones must pass.

Each wrong implementation is a few lines of our own (`tinyattr/testing/wrong.py`). It has the form of a fault that somebody
reported, or that is easily made. The column "report" names the public bug report, if there is one. (For "one minus y", it
names exercise 7.2 of our own lessons, whose solution has this fault.) These lines show what `check` finds in one of the
implementations:

```python
from tinyattr.testing import museum
print(museum.asked(museum.WRONG["epsilon below"]))
```

The last column lists the identities that an implementation breaks. An *identity* is an equation, or another sentence, that
is true for every right implementation and all logits. Numbers such as (8) are those of the equations in Lerma and Lucas
2023a (arXiv 2306.13197). The implementation keeps all identities that the column does not list. There is one exception:
"the formula in bfloat16" is never listed, because `check` tests it only where ml_dtypes is installed.

`check` allows rounding errors, but only as large as those of the right probability. "half the gap" and "shares of sigmoids"
make a small probability far too large, so its rounding errors are too large, too. Another order of the classes changes these
errors. This is the only reason why the two implementations break "reordering classes reorders the answer".

The letters have these meanings:

- z are the logits of one vector, or of one row of a batch; y are its probabilities; d is z - max z. r is the sum of e^d over
  all classes but the most probable. A masked class has the logit -inf.
- J is the Jacobian, J_ij = dy_i/dz_j; delta_ij is 1 if i = j, and 0 otherwise. A *product* is a function that computes v^T J
  from z and a vector v, as a backward pass does. y.v is the dot product of y and v. `check` tests a product with four kinds
  of v. For the first equation, the numbers of v are values of a sine that depend on z and on the class. "The same, v = ones" is
  this equation for another v, whose numbers are all 1. "one" means 1 for the first class and 0 for all others. "large" means
  4096 for the last class and -1 for all others.
- In the equation (8), t is a number that is added to every logit. In a loss, t is the target: a class, or a probability for
  each class. eps is the smoothing of the target, and n is the number of classes. An ignored row must not change the loss.
- T is a temperature.
"""

RIGHT = """These implementations (`tinyattr/testing/right.py`) round in different ways, but they keep all identities.
`python -m tests.museum_table` writes this page."""


def broken(exhibit):
    """The identities that an exhibit breaks, but for bfloat16: it is asked only where ml_dtypes is installed."""
    return [identity for identity in museum.asked(exhibit).broken if identity != "the formula in bfloat16"]


def row(exhibit, found):
    """A line of the table of wrong ones."""
    cells = (exhibit.name, exhibit.part, exhibit.says, exhibit.report or "–", "<br>".join(found))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("*", "\\*") for cell in cells) + " |"


def page():
    """The page as Markdown."""
    wrong = [row(exhibit, broken(exhibit)) for exhibit in museum.WRONG.values()]
    right = [f"| {e.name} | {e.part} | {e.says} |" for e in museum.RIGHT.values()]
    return "\n".join([
        HEAD, f"## {len(wrong)} wrong ones", "", "| name | kind | what is wrong | report | it breaks |", "|---|---|---|---|---|",
        *wrong, "", f"## {len(right)} right ones", "", RIGHT, "", "| name | kind | what it does |", "|---|---|---|",
        *(line.replace("|z|", "\\|z\\|") for line in right), ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
