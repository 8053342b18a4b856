"""The README's table of methods, from their docstrings. `python -m tests.method_table` writes it."""

import inspect
from pathlib import Path

import tinyattr as ta
from tinyattr.methods import AT_A_LAYER, options_of

ROOT = Path(__file__).parents[1]
START, END = "<!-- methods: python -m tests.method_table -->", "<!-- end of methods -->"


def table():
    """The table as Markdown: method and file, what it explains, formula and source, options."""
    lines = ["| `ta.` | explains | formula and source | options |", "|---|---|---|---|"]
    for name, method in ta.METHODS.items():
        formula = " ".join(inspect.getdoc(method).split("\n\n")[0].split()).replace("|", "\\|").replace("*", "\\*")
        options = ", ".join(f"`{option}`" for option in options_of(name) if option != "batch")
        lines.append(f"| `{name}` | {'a layer' if name in AT_A_LAYER else 'the picture'} | {formula} | {options} |")
    return "\n".join(lines)


def with_table(readme):
    """The README's text with the table in its place."""
    before, rest = readme.split(START)
    return f"{before}{START}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
