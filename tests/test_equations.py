"""The list of equations is complete and the README's copy of it is today's."""

from tests import lesson_table, method_table
from tests.equations import EQUATIONS, found, with_table
from tests.generated import ROOT


def test_every_equation_is_proved_by_a_test():
    assert [number for number, tests in found("tests").items() if not tests] == []
    assert list(EQUATIONS) == [str(i) for i in range(1, 19)] + [f"V{i}" for i in range(1, 8)]


def test_the_readme_shows_todays_list():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == with_table(readme), "run: python -m tests.equations"


def test_the_readme_shows_todays_methods():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == method_table.with_table(readme), "run: python -m tests.method_table"


def test_the_readme_shows_todays_lessons():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == lesson_table.with_table(readme), "run: python -m tests.lesson_table"
