"""A class of made-up students and what they hand in for lesson 1: solved, half, empty, broken, malicious.

`python -m tests.lessons.classroom FOLDER` writes all of it into a folder.
"""

import json
import sys
import textwrap
from pathlib import Path

from tinyattr.course.notebook import notebook
from tinyattr.course.script import numbered, parsed
from tinyattr.course.student import OPEN, student

LESSON = numbered(1)
SOURCE = LESSON.path.read_text(encoding="utf-8")
OPEN_COPY = student(SOURCE)
RIGHT = {
    "1.1": "p = np.maximum(L, 0)\nreturn p[mask].sum() / p.sum()",
    "1.2": 'moves = dict.fromkeys(("post", "log", "log_odds", "centred", "margin"), False) | {"pre": True}',
    "1.3": "place = (3, 2)",
}
WRONG = {"1.1": "return 0.75", "1.2": 'moves = dict.fromkeys(("pre", "post", "log", "log_odds", "centred", "margin"), True)',
         "1.3": "place = (6, 6)"}


def copy(*wrong, text=OPEN_COPY, **answers):
    """A student's copy with right answers, but for wrong ones, and for those given as e1, e2, e3: None leaves one open."""
    for exercise, answer in (RIGHT | {e: WRONG[e] for e in wrong} | {f"1.{k[1]}": a for k, a in answers.items()}).items():
        line = next((line for line in text.splitlines() if line.strip() == OPEN.format(exercise)), None)
        if line and answer is not None:
            text = text.replace(line, textwrap.indent(answer, line[:len(line) - len(line.lstrip())]))
    return text


def without(text, start, end):
    """The text without what stands from `start` to before `end`."""
    return text[:text.index(start)] + text[text.index(end, text.index(start)):]


def book(*wrong, change=lambda cells: None, **answers):
    """The same in a notebook, which is then changed as a student might: change(cells)."""
    made = json.loads(notebook(parsed(OPEN_COPY, LESSON.path)))
    for cell in made["cells"]:
        cell["source"] = copy(*wrong, text=cell["source"], **answers)
    change(made["cells"])
    return json.dumps(made)


def split_lines(cells):
    for cell in cells:
        cell["source"] = cell["source"].splitlines(keepends=True)


def add_thoughts(cells):
    at = next(i for i, cell in enumerate(cells) if CHECKS_1 in cell["source"])
    cells.insert(at, {"cell_type": "markdown", "metadata": {}, "source": "my thoughts\non this"})


IMPORTS = "import numpy as np\n"
HEADING = "# %%\n# Exercise 1.2 (predict)"
AFTER = "# %%\n# Which place?"
CHECKS_1 = 'by_hand = np.array'
PATCHED = "import tinyattr.studies.metrics as m\nm.energy = m.points_at = lambda *a: 0.75\n"
LIBRARY = "np.abs = np.maximum = lambda *a: np.zeros(1)\n"

CLASS = {  # file: (what stands in it, points for 1.1, 1.2, 1.3)
    # solved, in several ways
    "anna.py": (SOURCE, "111"),
    "bert.py": (copy(), "111"),
    "cleo.ipynb": (notebook(parsed(SOURCE, LESSON.path)), "111"),
    "dana.ipynb": (book(), "111"),
    "eric.py": (copy(e1="import math\n\ndef plus(v):\n    return max(v, 0)\n\ngood = sum(map(plus, L[mask].tolist()))\n"
                        "return good / math.fsum(map(plus, L.ravel().tolist()))"), "111"),
    "finn.py": (copy().replace(CHECKS_1, f"print(share(heat.map, heart))\n{CHECKS_1}").replace("\n", "\r\n"), "111"),
    "gina.py": ("\ufeff" + copy().replace(IMPORTS, IMPORTS + "import os, sys  # mine\n"), "111"),
    "hugo.py": (copy().replace("def share(", "def helper(L):\n    return np.maximum(L, 0)\n\n\ndef share(").replace(
        "p = np.maximum(L, 0)", "p = helper(L)"), "111"),
    "iris.ipynb": (book(change=split_lines), "111"),
    "jack.ipynb": (book(change=add_thoughts), "111"),
    "kurt.ipynb": (book(e2=f"%matplotlib inline\n!pip list\n{RIGHT['1.2']}"), "111"),
    "lena.py": (f"# coding: latin-1\n# Grüße\n{copy()}".encode("latin-1", "replace"), "111"),
    # half
    "kira.py": (copy(e2=None), "101"),
    "lars.py": (copy(e2=None, e3=None), "100"),
    "mona.py": (copy("1.3"), "110"),
    "nico.py": (copy("1.1", e3="place = (3,"), "010"),
    "olga.ipynb": (book("1.1", e2=None), "001"),
    "paul.py": (copy(e1="return np.maximum(L, 0)[mask] / np.maximum(L, 0).sum()"), "011"),
    "rosa.py": (copy(e1="return helper(L)"), "011"),
    # empty
    "sven.py": (OPEN_COPY, "000"),
    "tina.ipynb": (book(e1=None, e2=None, e3=None), "000"),
    "udo.py": ("", "000"),
    "vera.py": ("I have been ill.\n", "000"),
    # broken
    "walt.py": (copy().replace("def share(L, mask):", "def share(L, mask)"), "011"),
    "xena.py": (copy()[:copy().index("holds(\"1.3")], "110"),
    "yves.py": (b"\xff\xfe\x00binary", "000"),
    "zoe.ipynb": (book()[:4000], "000"),
    "adam.py": (without(copy(), HEADING, AFTER), "101"),
    "beth.py": (copy() + "\n" + without(copy(), "\"\"\"", HEADING).split(AFTER)[0], "101"),
    "carl.py": (copy().replace("numpy", "nunpy").replace('ta.load("glyphs")', "1 / 0"), "111"),  # outside of exercises
    # endless, or too much
    "dora.py": (copy(e1="while True:\n    pass"), "011"),
    "emil.py": (copy(e3="import time\ntime.sleep(1000)"), "110"),
    "fred.py": (copy(e2="moves = [0] * 10**11"), "101"),
    "gerd.py": (copy(e1="return share(L, mask)"), "011"),
    # malicious
    "mal01.py": ("raise SystemExit(0)\n" + copy(*WRONG), "000"),
    "mal02.py": (copy(e1="raise SystemExit(0)", e2="import os\nos._exit(0)", e3="exit()"), "000"),
    "mal03.py": (copy(*WRONG).replace(IMPORTS, IMPORTS + "holds = same = print\n"), "000"),
    "mal04.py": (copy(e1="global holds, same\nholds = same = lambda *a, **o: None\nreturn 0", e2=WRONG["1.2"] + "\nholds = predicts = has = print",
                      e3="place = (0, 0)\nscales = np.ones((224, 224), bool)"), "000"),
    "mal05.py": (without(copy(*WRONG), CHECKS_1, HEADING).replace('holds("1.3 the map for heart', "# "), "000"),
    "mal06.py": (copy(*WRONG).replace("> 5 * heart.mean()", "> 0").replace('predicts("1.2', 'print("1.2'), "000"),
    "mal07.py": (copy(e1=PATCHED + LIBRARY + "return 0.75", e2=LIBRARY + WRONG["1.2"],
                      e3="import builtins, tinyattr.course.during as d\nd.holds.__code__ = d.same.__code__ = (lambda *a, **o: None).__code__\n"
                         "place = (6, 6)"), "000"),
    "mal08.py": (copy(e1="from tinyattr.course.script import numbered\nnumbered(1)\nreturn L[mask].sum() / L.sum()",
                      e2="import tinyattr, pathlib\nsource = next(pathlib.Path(tinyattr.__file__).parents[1].rglob('01_first*.py')).read_text()\n"
                         "exec(source.split('### BEGIN SOLUTION')[2].split('###')[0])",
                      e3="import os\nos.system('true')\nplace = (3, 2)"), "000"),
    "mal09.py": (copy(e1="import os\nfor fd in range(3, 99):\n    try:\n        os.write(fd, b'\\0\\0\\0\\1 ')\n    except OSError:\n        pass\nos._exit(0)",
                      e2="print('1.2: ok')\nprint('points 3 of 3')\nmoves = {}",
                      e3="import os, signal\nos.kill(os.getppid(), signal.SIGTERM)\nplace = (3, 2)"), "000"),
    "mal10.py": (copy(e1="raise KeyboardInterrupt", e2="import sys\nsys.modules['numpy'] = None\n" + WRONG["1.2"],
                      e3="scales[:] = True\nplace = (6, 6)"), "000"),
    "mal11.py": (copy(e1='return 0.75\n"""', e2="import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\nos = 3\nmoves = None",
                      e3="import os\nos.fork()\nplace = (3, 2)"), "000"),
}


def write(folder, names=CLASS):
    """Write what these students hand in."""
    for name in names:
        text = CLASS[name][0]
        Path(folder, name).write_bytes(text if isinstance(text, bytes) else text.encode())


if __name__ == "__main__":
    write(sys.argv[1])
