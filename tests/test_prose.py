"""What is written to be read: no sentence is longer than a reader can hold."""

import re

import pytest

from tests import words
from tests.generated import ROOT, WRITTEN
from tests.words import paragraphs
from tinyattr.course.script import lessons

LONGEST = 35  # words
LESSONS = lessons()
READ = [*WRITTEN, ROOT / ".github" / "CONTRIBUTING.md", ROOT / "weights" / "README.md", ROOT / "lessons" / "README.md",
        ROOT / "lessons" / "GLOSSARY.md"]


def texts(lesson):
    """The text of each cell, in Markdown: without the header's fields and the lines below headings, `code` in single quotes."""
    for cell in lesson.cells:
        text = re.sub(r"^:[^:\n]+: .+(?:\n    .+)*|^([-=~^])\1{2,}$", "", cell.text, flags=re.M)
        yield text.replace("``", "`")


def sentences(paragraph):
    """The sentences of a paragraph; a name in the code counts as one word, a link as its words."""
    plain = re.sub(r"`[^`]*`", "Name", re.sub(r"\]\([^)]*\)", "]", paragraph))
    return re.split(r"(?<=[.?!:])\s+(?=[A-Z\"(\[*0-9])", plain)


def length(sentence):
    """How many words a sentence has."""
    return sum(bool(re.search(r"\w", word)) for word in sentence.split())


@pytest.mark.parametrize("path", READ, ids=lambda path: path.stem)
def test_no_sentence_is_too_long(path):
    found = [s for p in paragraphs(path.read_text(encoding="utf-8")) for s in sentences(p)]
    assert [s for s in found if length(s) > LONGEST] == []
    assert found


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path.stem)
def test_no_sentence_of_a_lesson_is_too_long(lesson):
    found = [s for text in texts(lesson) for p in paragraphs(text) for s in sentences(p)]
    assert [s for s in found if length(s) > LONGEST] == []
    assert found


@pytest.mark.parametrize("path", words.PAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_word_of_the_glossary_stands_before_its_explanation(path):
    """It is explained where it first stands, or linked, or the line of words stands above it. Lessons link to the glossary first."""
    text = path.read_text(encoding="utf-8")
    found = words.LINE.search(text)
    assert (found and found[0]) == words.line(path, text), "run: python -m tests.words (a new page needs the line's first words)"
    if found:
        assert [term for term in words.terms() if term in found[0] and words.first_use(term, text[:found.start()]) == "used"] == []


def test_a_lesson_explains_the_words_that_are_new_in_it():
    """The lesson that the glossary names has the word in bold or italics in its text, where the word is explained."""
    said = {lesson.number: " ".join("\n".join(texts(lesson)).split()) for lesson in LESSONS}
    unexplained = [term for term, number in words.terms().items()
                   if not re.search(rf"\*(?:{words.plural(term)})\b", said[number], re.I)]
    assert unexplained == []


def test_how_a_word_first_stands():
    for text, how in {"A **row**: dS/dz. Rows": "explained", "The *rows* of S.": "explained", "A row. Then a **row**.": "used", "Rowing": None,
                      "The [row](../GLOSSARY.md) of a score": "linked", "The [row](row.md)": "used", "`row`\n\n# Row\n\n| row |": None}.items():
        assert words.first_use("row", text) == how


def test_a_long_sentence_is_found():
    text = "Short.\n\n- An item.\n\n```\n" + "code " * 50 + "\n```\n" + "One " + "more " * 35 + "word."
    assert [length(s) for p in paragraphs(text) for s in sentences(p)] == [1, 2, 37]
