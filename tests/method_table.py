"""The table of methods, in lessons/pages/methods.md, from their docstrings. `python -m tests.method_table` writes it."""

import inspect

import tinyattr as ta
from tests.generated import PAGES, with_part, write
from tinyattr.methods import AT_A_LAYER, options_of

START, END = "<!-- methods: python -m tests.method_table -->", "<!-- end of methods -->"


def table():
    """The table as Markdown: method and file, what it explains, formula and source, options."""
    lines = ["| `ta.` | explains | formula and source | options |", "|---|---|---|---|"]
    for name, method in ta.METHODS.items():
        formula = " ".join(inspect.getdoc(method).split("\n\n")[0].split()).replace("|", "\\|").replace("*", "\\*")
        options = ", ".join(f"`{option}`" for option in options_of(name) if option != "batch")
        lines.append(f"| `{name}` | {'a layer' if name in AT_A_LAYER else 'the picture'} | {formula} | {options} |")
    return "\n".join(lines)


def with_table(text):
    """The page's text with the table in its place."""
    return with_part(text, START, END, table())


if __name__ == "__main__":
    write(PAGES / "methods.md", with_table)
