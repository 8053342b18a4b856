"""The Python of the README and of the pages beside the lessons runs as it stands, and they say what is true."""

import re
import warnings

import numpy as np
import pytest
from PIL import Image

import tinyattr as ta
from tests import house_tree
from tests.generated import PAGES, ROOT, WRITTEN
from tests.test_house import HEART
from tinyattr.cli.main import main
from tinyattr.studies.audit import ATTACKED, AUDITED, predicted
from tinyattr.studies.metrics import pearson

README = ROOT / "README.md"


@pytest.mark.parametrize("path", [p for p in WRITTEN if "```python" in p.read_text(encoding="utf-8")], ids=lambda path: path.stem)
def test_its_python_runs(path, tmp_path, monkeypatch, capsys):
    """Each file's by itself, top to bottom."""
    monkeypatch.chdir(tmp_path)
    names = {}
    with warnings.catch_warnings(action="ignore"):  # a faulty softmax overflows on purpose
        for block in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.S):
            exec(compile(block, path.name, "exec"), names)
    expected = {"README": (tmp_path / "heart.png").is_file, "softmax": lambda: "NO" in capsys.readouterr().out,
                "kernels": lambda: names["signals"]["input"].shape == (1, 224, 224, 3)}
    assert expected[path.stem]()


def test_its_ten_lines_print_what_their_comments_say(tmp_path, monkeypatch, capsys):
    """What stands behind `print(...)  # `, up to two spaces, is what is printed; ", " stands for a new line."""
    monkeypatch.chdir(tmp_path)
    block = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)[1]
    wanted = [line for said in re.findall(r"^ *print\(.*\) *# (.+?)(?:  .*)?$", block, re.M) for line in said.split(", ")]
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == wanted
    assert len(wanted) == 6


def test_its_figure_is_what_the_demo_draws(tmp_path):
    """But for what the codec and another version's letters change."""
    stored = README.parent / re.search(r"\]\((lessons/pages/static/demo\.webp)\)", README.read_text(encoding="utf-8"))[1]
    assert main(["demo", "--out", str(tmp_path / "demo.webp")]) == 0
    with Image.open(stored) as a, Image.open(tmp_path / "demo.webp") as b:
        assert a.size == b.size
        assert pearson(np.asarray(a.convert("L"), float), np.asarray(b.convert("L"), float)) > 0.99


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_its_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (path.parent / link).is_file(), link


def test_it_is_a_front_page():
    """What is longer stands on a page of its own."""
    assert len(README.read_text(encoding="utf-8").splitlines()) < 250


def test_its_tree_is_todays_house():
    """Every entry of the package, the heart first and nothing of it below the line, sizes as they are."""
    text = README.read_text(encoding="utf-8")
    assert text == house_tree.with_tree(text), "run: python -m tests.house_tree"
    assert sorted(house_tree.HALF_LINES) == sorted(house_tree.entries())
    tree = re.search(r"^tinyattr/\n(.*?)^```", text, re.S | re.M)[1]
    assert re.findall(r"^  (\w+)", tree.split("the heart of the package ends here")[0], re.M) == HEART


@pytest.mark.parametrize(("n", "words"), [(467, "470"), (3003, "3,000"), (1960, "2,000"), (94, "94")])
def test_its_sizes_have_two_digits(n, words):
    assert house_tree.about(n) == words


def test_the_files_that_it_names_are_there():
    """In the README, the pages and CONTRIBUTING.md: every path of the package, the tests and the lessons."""
    for path in (*WRITTEN, ROOT / ".github" / "CONTRIBUTING.md"):
        for name in re.findall(r"\b(?:tinyattr|tests|lessons|weights)/[\w/]+\.(?:py|md|tsv|h5)\b", path.read_text(encoding="utf-8")):
            assert (ROOT / name).is_file() or name == "tinyattr/files/lenet.py", f"{path.name} names {name}"


def test_it_counts_the_audits_cells_as_they_are():
    """Cells of the three attacks for which the algebra says what to expect, of all methods and variants."""
    methods, all_cells, cells = re.search(r"has (\d+) methods and variants, six scores and three attacks.*?there are (\d+) cells.*?"
                                          r"the other (\d+) cells", (PAGES / "attacks.md").read_text(encoding="utf-8"), re.S).groups()
    asked = [(method, score, attack) for method, (_, _, only) in AUDITED.items() for score in ta.SCORES if only in (None, score)
             for attack in ATTACKED]
    assert int(methods) == len(AUDITED)
    assert int(all_cells) == len(asked)
    assert int(cells) == sum(predicted(*cell) is not None for cell in asked)
    assert (len(ta.SCORES), len(ATTACKED)) == (6, 3)
    assert f"We tried {methods} methods and variants." in " ".join(README.read_text(encoding="utf-8").split())


def test_its_lines_for_pytorch_are_those_of_the_page():
    """tests/files/test_onnx.py runs the page's, where PyTorch is installed."""
    here, there = (re.search(r"```py\n(.*?)```", path.read_text(encoding="utf-8"), re.S)[1] for path in (README, PAGES / "weights.md"))
    assert here == there


def test_the_version_to_cite_is_this_one():
    assert f"version = {{{ta.__version__}}}" in README.read_text(encoding="utf-8")
    assert (PAGES / "changes.md").read_text(encoding="utf-8").split("## ")[1].startswith(ta.__version__)


def test_its_table_lists_every_score():
    text = README.read_text(encoding="utf-8")
    for score in ta.SCORES:
        assert f"| `{score}` |" in text
