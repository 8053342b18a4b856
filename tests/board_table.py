"""The best and worst rows of the board, in lessons/pages/which_map.md, from the stored result. `python -m tests.board_table` writes them.

`python -m tests.board_table measure N` measures N scenes before, on all cores, and goes on where it was cut off.
"""

import json
import sys

from tests.generated import PAGES, ROOT, with_part, write
from tinyattr.studies.board.summary import COLUMNS, in_per_cent

RESULT = ROOT / "tinyattr" / "studies" / "board" / "board.json"
START, END = "<!-- board: python -m tests.board_table -->", "<!-- end of board -->"
FIRST, LAST = 10, 5


def table(board):
    """The rows as Markdown, as `tinyattr evaluate` sorts and prints them; above them how many scenes they are of."""
    titles = ["", "method", "score", "network", *COLUMNS.values()]
    lines = [[n, row["method"], row["scores"], row["networks"], *(in_per_cent(row[key]) for key in COLUMNS)]
             for n, row in enumerate(board["rows"], 1)]
    shown = [titles, ["---"] * len(titles), *lines[:FIRST], ["..."] * len(titles), *lines[-LAST:]]
    return "\n".join([f"{board['head'][0].removeprefix('scenes').strip()}; {len(lines)} rows:", "",
                      *("| " + " | ".join(map(str, line)) + " |" for line in shown)])


def with_table(text):
    """The page's text with the rows in their place."""
    return with_part(text, START, END, table(json.loads(RESULT.read_text(encoding="utf-8"))))


def measure(count):
    """The board of so many scenes, as RESULT; what is kept of each scene stays in build/board.json.scenes."""
    from tinyattr.cli.main import main

    (made := ROOT / "build" / "board.json").parent.mkdir(exist_ok=True)
    if main(["evaluate", "--pictures", count, "--json", str(made)]):
        sys.exit(1)
    RESULT.write_bytes(made.read_bytes())


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(sys.argv[2])
    write(PAGES / "which_map.md", with_table)
