"""The museum: wrong implementations, each with the public report it stands for, and right ones that must pass.

    for exhibit in museum.WRONG.values():
        print(exhibit.name, museum.asked(exhibit).broken)

All are a few lines of our own, in the form of the fault that was reported; none is anybody's code.
"""

from tinyattr.testing import check, right, wrong
from tinyattr.testing.exhibit import exhibits
from tinyattr.testing.right import log1p_of_the_rest, loss_of_gaps, maximum_off

RIGHT, WRONG = exhibits(right), exhibits(wrong)

PARTS = {  # a derivative is asked beside a right function
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


def asked(exhibit):
    """The Findings of a default call."""
    return PARTS[exhibit.part](exhibit.f)


