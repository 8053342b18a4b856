"""The line of a page that names the words of the glossary which the page uses and does not explain itself.

`python -m tests.words` writes these lines. A word stands in bold or italics where a page explains it.
"""

import re
from os.path import relpath

from tests.generated import ROOT, WRITTEN, write

GLOSSARY = ROOT / "lessons" / "GLOSSARY.md"
PAGES = [*WRITTEN, ROOT / "lessons" / "README.md"]
LINE = re.compile(r"^\[The glossary\]\(\S+\) explains these words of this page: .+\.$", re.M)


def terms():
    """{word of the glossary, without a short form in brackets and without synonyms: number of the lesson where it is new}."""
    rows = re.findall(r"^\| (?!word|---)(.+?) \| .+ \| (\d+) \|$", GLOSSARY.read_text(encoding="utf-8"), re.M)
    return {re.split(r" \(|, ", word)[0]: int(number) for word, number in rows}


def paragraphs(text):
    """The paragraphs and list items of a Markdown text: no code, comments, tables, headings or pictures."""
    text = re.sub(r"```.*?```|<!--.*?-->", "\n\n", text, flags=re.S)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*] |\d+\. |[#|]))", text):
        if block.strip() and block.strip()[0] not in "|#!" and not block.startswith("    "):
            yield re.sub(r"^(?:[-*]|\d+\.) ", "", " ".join(block.split()))


def first_use(term, text):
    """How the term first stands in running text: "explained" (bold or italic), "linked" to the glossary, "used", or None: never.

    Names in the code, addresses, tables, headings and the line itself do not count.
    """
    running = re.sub(r"`[^`]*`|\]\((?!\S*GLOSSARY)[^)]*\)", "", "\n".join(paragraphs(LINE.sub("", text))))
    found = re.search(rf"(\*?)\b(?:{plural(term)})\b(\]\(\S*GLOSSARY\.md\))?", running, re.I)
    return found and ("explained" if found[1] else "linked" if found[2] else "used")


def plural(term):
    """The term as a pattern, in singular or plural."""
    return rf"{re.escape(term)}(?:e?s)?|{re.escape(term.removesuffix('y'))}ies"


def line(path, text):
    """The line for this text of a page, or None if every word of the glossary is explained where it first stands."""
    used = [term for term in terms() if first_use(term, text) == "used"]
    link = relpath(GLOSSARY, path.parent)
    return f"[The glossary]({link}) explains these words of this page: {', '.join(used)}." if used else None


def with_line(path, text):
    """The page's text with its line anew."""
    return LINE.sub(line(path, text) or "", text)


if __name__ == "__main__":
    for page in PAGES:
        write(page, lambda text, page=page: with_line(page, text))
