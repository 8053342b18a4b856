"""The README's Python runs as it stands, top to bottom, and says what is true."""

import re
import warnings
from pathlib import Path

from PIL import Image

import tinyattr as ta
from tinyattr.nets.glyphs import example

README = Path(__file__).resolve().parents[1] / "README.md"


def test_its_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(example().picture).save("photo.jpg")
    names = {}
    with warnings.catch_warnings(action="ignore"):  # its faulty softmax overflows on purpose
        for block in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S):
            exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "heat.png").is_file()
    assert names["signals"]["input"].shape == (1, 224, 224, 3)
    assert "NO" in capsys.readouterr().out
    x, net, twin = names["x"], names["net"], names["twin"]
    for score in ("post", "log", "log_odds"):
        assert abs(ta.grad_cam(twin, x, score=score).map - ta.grad_cam(net, x, score=score).map).max() < 1e-6
    assert abs(names["fooled"].map - ta.grad_cam(net, x, score="pre").map).max() > 0.1


def test_its_table_lists_every_score():
    text = README.read_text(encoding="utf-8")
    for score in ta.SCORES:
        assert f"| `{score}` |" in text
