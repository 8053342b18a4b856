"""Claims, tried on random draws: what lessons need of hypothesis (Hatfield-Dodds, MacIver and others)."""

from tempfile import TemporaryDirectory

from hypothesis import find, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import NoSuchExample

from tinyattr.course.during import passes

NOTES = TemporaryDirectory(prefix="hypothesis")  # hypothesis writes notes into a folder; this one vanishes in the end
set_hypothesis_home_dir(NOTES.name)
QUIET = settings(derandomize=True, database=None, deadline=None, max_examples=80)  # the same draws for everybody


def broken_by(claim, draws):
    """The simplest draw that hypothesis finds for which claim(draw) is false or fails; None if it finds none."""
    try:
        return find(draws, lambda drawn: not passes(claim, drawn), settings=QUIET)
    except NoSuchExample:
        return None
