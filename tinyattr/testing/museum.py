"""The museum: wrong implementations, each with the public report it stands for, and right ones that must pass.

    for exhibit in museum.WRONG.values():
        print(exhibit.name, museum.asked(exhibit).broken)

All are a few lines of our own, in the form of the fault that was reported; none is anybody's code.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tinyattr.testing import check, right, wrong
from tinyattr.testing.right import log1p_of_the_rest, loss_of_gaps, maximum_off

ASKED = {  # a derivative is asked beside a right function
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
    """An implementation: its name, which part of what kind it is, what it does, and the report that it stands for."""

    name: str
    part: str
    says: str
    f: Callable
    report: str = ""


WRONG, RIGHT = ({name: Exhibit(name, part, *row) for part, rows in catalogue.items() for name, row in rows.items()}
                for catalogue in (wrong.CATALOGUE, right.CATALOGUE))


def asked(exhibit):
    """The Findings of a default call."""
    return ASKED[exhibit.part](exhibit.f)
