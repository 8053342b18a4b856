"""The museum: a collection of wrong implementations, which a check must find, and of right ones, which must pass.

    for exhibit in museum.WRONG.values():
        print(exhibit.name, museum.asked(exhibit).broken)

Many of the faults were reported in public. The code is our own: a few lines that have the fault, copied from nobody.
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
    """An Exhibit is an implementation f, with a name, a part (such as "Jacobian"), what f does, and a public report."""

    name: str
    part: str
    says: str
    f: Callable
    report: str = ""


WRONG, RIGHT = ({name: Exhibit(name, part, *row) for part, rows in catalogue.items() for name, row in rows.items()}
                for catalogue in (wrong.CATALOGUE, right.CATALOGUE))


def asked(exhibit):
    """Check an exhibit with default options. Returns Findings."""
    return ASKED[exhibit.part](exhibit.f)
