"""The README's Python runs as it stands, top to bottom, and says what is true."""

import re
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.studies.metrics import pearson

README = Path(__file__).resolve().parents[1] / "README.md"


def test_its_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    with warnings.catch_warnings(action="ignore"):  # its faulty softmax overflows on purpose
        for block in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S):
            exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "heart.png").is_file()
    assert names["signals"]["input"].shape == (1, 224, 224, 3)
    assert "NO" in capsys.readouterr().out


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


def test_its_links_lead_somewhere():
    text = re.sub(r"```.*?```", "", README.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (README.parent / link).is_file(), link


def test_its_table_lists_every_score():
    text = README.read_text(encoding="utf-8")
    for score in ta.SCORES:
        assert f"| `{score}` |" in text
