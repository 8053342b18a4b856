"""The board's tables in the README and in lessons/pages/which_map.md, from the stored results. `python -m tests.board_table` writes them.

`python -m tests.board_table measure N [NETWORK]` measures N scenes before, on all cores, and goes on where it was cut off.
"""

import json
import re
import sys

from tests.generated import PAGES, ROOT, with_part, write
from tinyattr.studies.board.summary import COLUMNS, in_per_cent

BOARD = ROOT / "tinyattr" / "studies" / "board"
RESULTS = {"glyphs": BOARD / "board.json", "glyphs_no_masks": BOARD / "board_no_masks.json"}
START, END = "<!-- board: python -m tests.board_table -->", "<!-- end of board -->"
TWO, END_OF_TWO = "<!-- two boards: python -m tests.board_table -->", "<!-- end of two boards -->"
FIRST, LAST = 10, 5
FEW = [("lrp", "log_odds", "any"), ("grad_cam", "log_odds", "any"), ("grad_cam", "pre", "original"), ("grad_cam", "pre", "corner"),
       ("hirescam", "pre", "corner"), ("random numbers", "any", "any")]
BESIDE = [("lrp", "log_odds", "any"), ("guided_grad_cam", "log_odds", "any"), ("grad_cam", "log_odds", "any"), ("grad_cam", "pre", "original"),
          ("grad_cam", "pre", "corner"), ("hirescam", "log_odds", "any"), ("hirescam", "pre", "original"), ("hirescam", "pre", "corner"),
          ("gradient", "log_odds", "any"), ("gradient", "pre", "original"), ("gradient", "pre", "corner"),
          ("integrated_gradients", "log_odds", "any"), ("rise", "centred", "any"), ("random numbers", "any", "any")]


def few(board):
    """Some rows as Markdown, with one measure: the README's table."""
    lines = [["method", "score", "network", "of two"], ["---"] * 4]
    lines += [[*row, in_per_cent(row_of(board, *row)["peak of two"])] for row in FEW]
    return "\n".join([f"The full table has {len(board['rows'])} rows. Scores or networks with the same maps share a row. Here are six rows, measured in {kinds(board)[1]} scenes with two glyphs.", "",
                      *("| " + " | ".join(line) + " |" for line in lines)])


def table(board):
    """The rows as Markdown, as `tinyattr evaluate` sorts and prints them; above them how many scenes they are of."""
    titles = ["", "method", "score", "network", *COLUMNS.values()]
    lines = [[n, row["method"], row["scores"], row["networks"], *(in_per_cent(row[key]) for key in COLUMNS)]
             for n, row in enumerate(board["rows"], 1)]
    shown = [titles, ["---"] * len(titles), *lines[:FIRST], ["..."] * len(titles), *lines[-LAST:]]
    return "\n".join([f"{scenes(board)} The whole table has {len(lines)} lines:", "",
                      *("| " + " | ".join(map(str, line)) + " |" for line in shown)])


def scenes(board):
    """The head's first line as a sentence: how many scenes there are of each kind, and how large a glyph is."""
    one, two, none, area = kinds(board)
    return (f"We drew {one} scenes with one glyph, {two} with two glyphs, and {none} with no glyph. On average, a glyph covers "
            f"{100 * float(area):.1f} % of the picture.")


def kinds(board):
    """How many scenes have one glyph, two, none; the share of the picture that a glyph covers. All as text."""
    return re.fullmatch(r"scenes   (\d+) with one, (\d+) with two, (\d+) with none \(glyphs cover (\S+)\)", board["head"][0]).groups()


def result(net):
    """The stored result of a network."""
    return json.loads(RESULTS[net].read_text(encoding="utf-8"))


def row_of(board, method, score, network):
    """The one row of a method that stands for a score and a network."""
    (row,) = [row for row in board["rows"]
              if row["method"] == method and score in row["scores"].split(", ") and network in row["networks"].split(", ")]
    return row


def two_networks(boards):
    """Rows of both networks, next to each other, as Markdown."""
    keys = {"peak": "peak", "peak of two": "of two", "follows": "follows"}
    lines = [["method", "score", "network", *(f"{title}, {how}" for title in keys.values() for how in ("masks", "no masks"))]]
    lines.append(["---"] * len(lines[0]))
    for row in BESIDE:
        lines.append([*row, *(in_per_cent(row_of(board, *row)[key]) for key in keys for board in boards)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def with_few(text):
    """A text with the table of a few rows in its place."""
    return with_part(text, START, END, few(result("glyphs")))


def with_both(text):
    """A text with the table of the first and last rows and the table of both networks in their places."""
    text = with_part(text, START, END, table(result("glyphs")))
    return with_part(text, TWO, END_OF_TWO, two_networks([result(net) for net in RESULTS]))


def measure(count, net="glyphs"):
    """The board of so many scenes, as a RESULT; what is kept of each scene stays in build/NET.json.scenes."""
    from tinyattr.cli.main import main

    (made := ROOT / "build" / f"{net}.json").parent.mkdir(exist_ok=True)
    if main(["evaluate", "--net", net, "--pictures", count, "--json", str(made)]):
        sys.exit(1)
    RESULTS[net].write_bytes(made.read_bytes())


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(*sys.argv[2:4])
    write(PAGES / "which_map.md", with_both)
    write(ROOT / "README.md", with_few)
