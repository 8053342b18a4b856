"""Random draws to test the claims that students write. The package Hypothesis makes the draws."""

from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis.configuration import set_hypothesis_home_dir

NOTES = TemporaryDirectory(prefix="hypothesis")  # Hypothesis writes files into a folder; this one is deleted at the end
set_hypothesis_home_dir(NOTES.name)
QUIET = settings(derandomize=True, database=None, deadline=None, max_examples=80)  # the same draws for everybody


def drawn(strategy, count=80):
    """Return a list of `count` draws, the same for everybody, to test claims on."""
    found = []

    @settings(QUIET, max_examples=count)
    @given(strategy)
    def keep(draw):
        found.append(draw)

    keep()
    return found
