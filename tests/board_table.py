"""The best and worst rows of the board, in lessons/pages/which_map.md, from the committed result. `python -m tests.board_table` writes them."""

import json

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


if __name__ == "__main__":
    write(PAGES / "which_map.md", with_table)
