"""Parts of the README, the pages and the teacher's guide that are written by a command, each between two comments."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "lessons" / "pages"
COPIES = {"index.md", "teaching.md", "museum.md", "contributing.md", "glossary.md"}  # the site's, of files elsewhere
WRITTEN = [ROOT / "README.md", *sorted(p for p in PAGES.glob("*.md") if p.name not in COPIES)]


def with_part(text, start, end, part):
    """The text with `part` between the lines `start` and `end`, in place of what stood there."""
    before, rest = text.split(start)
    return f"{before}{start}\n{part}\n{end}{rest.split(end)[1]}"


def write(path, with_parts):
    """Write a file anew, as the function of its text."""
    path.write_text(with_parts(path.read_text(encoding="utf-8")), encoding="utf-8")
