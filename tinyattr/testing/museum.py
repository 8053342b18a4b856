"""The museum: wrong implementations, each with a public report of its fault, and right implementations that must pass.

    for exhibit in museum.WRONG.values():
        print(exhibit.name, museum.asked(exhibit).broken)

We wrote all of them, in a few lines that have the reported fault; nothing is copied from another project.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tinyattr.testing import check, right, wrong
from tinyattr.testing.right import log1p_of_the_rest, loss_of_gaps, maximum_off

ASKED = {  # a derivative is tested together with a right function
    "softmax": check.softmax_identities,
    "Jacobian": lambda f: check.softmax_identities(maximum_off, f),
    "product": lambda f: check.softmax_identities(maximum_off, None, f),
    "log-softmax": check.log_softmax_identities,
    "log-softmax Jacobian": lambda f: check.log_softmax_identities(log1p_of_the_rest, f),
    "log-softmax product": lambda f: check.log_softmax_identities(log1p_of_the_rest, None, f),
    "logsumexp": check.logsumexp_identities,
    "cross-entropy": check.cross_entropy_identities,
    "cross-entropy gradient": lambda f: check.cross_entropy_identities(loss_of_gaps, f),
    "temperature": check.temperature_identities,
}


@dataclass(frozen=True)
class Exhibit:
    """An Exhibit is an implementation: its name, its part (such as a Jacobian), what it does, and the public report."""

    name: str
    part: str
    says: str
    f: Callable
    report: str = ""


WRONG, RIGHT = ({name: Exhibit(name, part, *row) for part, rows in catalogue.items() for name, row in rows.items()}
                for catalogue in (wrong.CATALOGUE, right.CATALOGUE))


def asked(exhibit):
    """Return the Findings of a call with default options."""
    return ASKED[exhibit.part](exhibit.f)
