"""What is written to be read: no sentence is longer than a reader can hold."""

import re

import pytest

from tests.generated import ROOT, WRITTEN

LONGEST = 35  # words
READ = [*WRITTEN, ROOT / ".github" / "CONTRIBUTING.md", ROOT / "weights" / "README.md", ROOT / "lessons" / "README.md",
        ROOT / "lessons" / "GLOSSARY.md"]


def paragraphs(text):
    """The paragraphs and list items of a Markdown text: no code, comments, tables, headings or pictures."""
    text = re.sub(r"```.*?```|<!--.*?-->", "\n\n", text, flags=re.S)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*] |\d+\. |[#|]))", text):
        if block.strip() and block.strip()[0] not in "|#!" and not block.startswith("    "):
            yield re.sub(r"^(?:[-*]|\d+\.) ", "", " ".join(block.split()))


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


def test_a_long_sentence_is_found():
    text = "Short.\n\n- An item.\n\n```\n" + "code " * 50 + "\n```\n" + "One " + "more " * 35 + "word."
    assert [length(s) for p in paragraphs(text) for s in sentences(p)] == [1, 2, 37]
