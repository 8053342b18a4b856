"""Numbers as aligned text, by eye, and as JSON."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from tinyattr.files.tables import aligned, plain, write_json


def test_words_to_the_left_numbers_to_the_right():
    rows = [["grad_cam", 0.98, 1e-7, 3], ["lrp", None, 0.0, 12], ["rise", float("nan"), np.float32(2), 0]]
    assert aligned(["method", "hits:.2f", "moved:.1e", "n:d"], rows).splitlines() == [
        "method    hits    moved   n",
        "---------------------------",
        "grad_cam  0.98  1.0e-07   3",
        "lrp          -        0  12",
        "rise         -  2.0e+00   0",
    ]


def test_a_table_without_rows_has_titles():
    assert aligned(["method", "n:d"], []) == "method  n\n---------"


@dataclass
class Point:
    x: float
    y: np.ndarray


def test_plain_is_what_json_can_hold():
    found = plain({"p": Point(float("inf"), np.arange(2.0)), 3: (np.float32(0.5), np.int64(2), True, None, "text"), "nan": [np.nan]})
    assert found == {"p": {"x": None, "y": [0.0, 1.0]}, "3": [0.5, 2, True, None, "text"], "nan": [None]}
    json.dumps(found, allow_nan=False)


def test_numbers_of_a_file(tmp_path):
    write_json(tmp_path / "n.json", [Point(1.0, np.zeros(1))])
    assert json.loads((tmp_path / "n.json").read_text()) == [{"x": 1.0, "y": [0.0]}]
    with pytest.raises(TypeError):
        write_json(tmp_path / "no.json", {"what": object()})
    assert [p.name for p in tmp_path.iterdir()] == ["n.json"]
