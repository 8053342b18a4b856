"""The papers' figures on the embedded network and, where it lies beside the project, on SqueezeNet with the authors' photo."""

import json

import pytest
from PIL import Image

import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.files.fetch import FETCHABLE, cached
from tinyattr.glyphs.scenes import example
from tinyattr.studies.reproduce import altered_beside_original, scores_side_by_side

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


def test_a_text_is_painted(tmp_path, capsys):
    figure, numbers = tmp_path / "hi.png", tmp_path / "hi.json"
    assert main(["paint", "HI", "--out", str(figure), "--json", str(numbers)]) == 0
    assert [claim["holds"] for claim in json.loads(numbers.read_text())["claims"]] == [True] * 3
    assert "HiResCAM by pre shows 'HI'" in capsys.readouterr().out
    assert figure.stat().st_size > 10_000


@pytest.mark.parametrize(("text", "words"), [("  ", "leaves no ink"), ("", "leaves no ink"), ("W" * 80, "too long for maps of 224 x 224")])
def test_a_text_that_cannot_be_painted(text, words, tmp_path, capsys):
    assert main(["paint", text, "--out", str(tmp_path / "no.png")]) == 1
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_layer_without_places_cannot_be_painted_on(tmp_path, capsys):
    assert main(["paint", "HI", "--layer", "fc1", "--out", str(tmp_path / "no.png")]) == 1
    assert "layer 'fc1' has shape (1, 128), no places to paint on; try 'block5_pool'" in capsys.readouterr().err


def test_vgg19_is_taken_for_a_photo_where_its_weights_are(tmp_path, monkeypatch):
    """Only for a photo: our own scenes belong to our own network."""
    asked = []
    monkeypatch.setattr("tinyattr.cli.main.ta.load", lambda net, **said: asked.append(net) or load(net, **said))
    load = lambda net, **said: ta.files.load.load("glyphs")  # noqa: E731
    Image.fromarray(example().picture).save(tmp_path / "photo.png")
    out = ["--out", str(tmp_path / "f.png")]
    for there in (False, True):
        cache = tmp_path / str(there)
        cache.mkdir()
        monkeypatch.setenv("TINYATTR_CACHE", str(cache))
        if there:
            cached(FETCHABLE["vgg19"]).touch()
        assert main(["reproduce", "fig2", "--image", str(tmp_path / "photo.png"), *out]) == 0
        assert main(["reproduce", "fig2", *out]) == 0
    assert asked == ["glyphs", "glyphs", "vgg19", "glyphs"]


def test_a_figure_that_does_not_exist():
    with pytest.raises(SystemExit):
        main(["reproduce", "fig9"])
