"""The papers' figures on the embedded network and, where it lies beside the project, on SqueezeNet with the authors' photo."""

import json

import pytest

import tinyattr as ta
from tinyattr.__main__ import main
from tinyattr.nets.glyphs import example
from tinyattr.reproduce import altered_beside_original, scores_side_by_side

VERDICTS = [True, True, True, False, True, True]  # of Figures 3 to 5, in order: only the pooled corner does not hold


def test_figure_2_on_the_embedded_network():
    net = ta.load("glyphs")
    found = scores_side_by_side(net, net.read(example().picture))
    assert [claim.holds for claim in found.claims] == [True] * 4


def test_figures_3_and_4_on_the_embedded_network(tmp_path, capsys):
    net = ta.load("glyphs")
    found = altered_beside_original(net, net.read(example().picture))
    assert [claim.holds for claim in found.claims] == VERDICTS
    numbers, figure = tmp_path / "fig4.json", tmp_path / "fig4.png"
    assert main(["reproduce", "fig4", "--out", str(figure), "--json", str(numbers)]) == 0
    claims = json.loads(numbers.read_text())["claims"]
    assert [claim["holds"] for claim in claims] == [*VERDICTS, True]
    assert "DOES NOT HOLD  Grad-CAM by pre" in capsys.readouterr().out
    assert figure.stat().st_size > 10_000


def test_figures_3_and_4_on_imagenet(shared, squeezenet):
    net = squeezenet
    x = net.read(shared / "images" / "soccer_ball.jpg")
    for target, other in (("soccer ball", None), ("maze", "soccer ball")):
        other = other and net.classes.index(other)
        found = altered_beside_original(net, x, target, other)
        assert [claim.holds for claim in found.claims] == VERDICTS + [True] * (other is not None)


def test_a_figure_that_does_not_exist():
    with pytest.raises(SystemExit):
        main(["reproduce", "fig9"])
