"""The list of equations is complete, and the tables in README and pages are today's."""

import pytest

from tests import equations, lesson_table, method_table
from tests.equations import EQUATIONS, found
from tests.generated import PAGES


def test_every_equation_is_proved_by_a_test():
    assert [number for number, tests in found("tests").items() if not tests] == []
    assert list(EQUATIONS) == [str(i) for i in range(1, 19)] + [f"V{i}" for i in range(1, 8)]


@pytest.mark.parametrize(("path", "made"), [
    (PAGES / "equations.md", equations), (PAGES / "methods.md", method_table), (PAGES / "course.md", lesson_table)])
def test_a_page_shows_todays_table(path, made):
    text = path.read_text(encoding="utf-8")
    assert text == made.with_table(text), f"run: python -m {made.__name__}"
