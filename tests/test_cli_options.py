"""What is written on the command line means what it says: options, names in any spelling, several pictures, empty words."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tinyattr as ta
from tinyattr.cli.command import COMMANDS
from tinyattr.cli.main import main, parser
from tinyattr.cli.options import chosen
from tinyattr.files.fetch import FETCHABLE, cached
from tinyattr.glyphs.scenes import example, scene
from tinyattr.methods import options_of


@pytest.fixture(autouse=True)
def _nothing_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYATTR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(example().picture).save(folder / "a.png")
    Image.fromarray(scene(np.random.default_rng(1), [3], difficulty=0.5).picture).save(folder / "b.jpg", quality=95)
    return folder


@pytest.mark.parametrize(("text", "value"), [("true", True), ("No", False), ("off", False), ("1", True), ("0", False), ("ON", True)])
def test_flags(text, value):
    assert chosen([("weighted", text)], ["eigen_cam"]) == {"weighted": value}


@pytest.mark.parametrize(("method", "written", "value"), [
    ("smoothgrad", "samples=7", 7), ("smoothgrad", "sigma=1", 1.0), ("smoothgrad", "Sigma=.5", 0.5), ("lrp", "composite=Zero", "Zero"),
    ("occlusion", "baseline=0.5", 0.5), ("occlusion", "baseline=white", "white"), ("expected_gradients", "baselines=black, 0.5", ("black", 0.5)),
    ("expected_gradients", "baselines=white", ("white",)),
])
def test_values_have_their_defaults_type(method, written, value):
    name, _, text = written.partition("=")
    (found,) = chosen([(name, text)], [method]).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("method", "written", "words"), [
    ("eigen_cam", "weighted=maybe", "--option weighted=maybe: expected true or false (or yes, no, on, off, 1, 0); the default is False"),
    ("smoothgrad", "sigma=high", "--option sigma=high: expected a number; the default is 0.15"),
    ("smoothgrad", "seed=1.5", "--option seed=1.5: expected a whole number; the default is 0"),
    ("expected_gradients", "draws=3", "--option draws=3: expected an array; only Python code can give arrays"),
    ("rise", "masks=ones", "--option masks=ones: expected an array; only Python code can give arrays"),
    ("expected_gradients", "baselines=black,", "expected words or numbers, separated by commas"),
    ("expected_gradients", "baselines=blue", "unknown baseline 'blue'; known: black"), ("lrp", "composite=3", "unknown composite 3; known: zero"),
    ("rise", "cells=10000", "cells must be a whole number from 1 to 224; got 10000"),
    ("feature_ablation", "groups=1000", "groups must be a whole number from 1 to 224; got 1000"),
    ("gradient", "steps=3", "unknown option of gradient 'steps'; known: none"), ("rise", "p=nan", "p must be a number from"),
])
def test_wrong_values_are_one_line(method, written, words, capsys):
    assert main(["demo", "--method", method, "--score", "pre", "--option", written]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_an_option_twice(capsys):
    assert main(["demo", "--method", "rise", "--option", "samples=2", "samples=3"]) == 1
    assert "--option samples is given twice" in capsys.readouterr().err


def test_every_option_of_every_method_can_be_written_or_says_that_it_cannot():
    """Each default, written down, is read back as itself."""
    for method in ta.METHODS:
        for name, default in options_of(method).items():
            text = ",".join(default) if isinstance(default, tuple) else str(default)
            if default is None:
                with pytest.raises(ta.InputError, match="only Python code"):
                    chosen([(name, text)], [method])
            else:
                assert chosen([(name, text)], [method]) == {name: default}


def test_flags_reach_the_method(capsys):
    """weighted=no is the method's default, weighted=yes is not."""
    shown = []
    for value in ("no", "yes"):
        assert main(["demo", "--method", "eigen-cam", "--score", "PRE", "--option", f"weighted={value}", "--json", "n.json"]) == 0
        (found,) = json.loads(Path("n.json").read_text())["maps"]
        shown.append(found["corner_energy"])
    net = ta.load("glyphs")
    x = net.read(example().picture)
    for energy, weighted in zip(shown, (False, True), strict=True):
        L = np.maximum(ta.eigen_cam(net, x, score="pre", weighted=weighted).plane, 0)
        assert energy == pytest.approx(L[0, 0] / L.sum(), rel=1e-9)
    assert shown[0] != shown[1]


def test_mentions_add_up():
    options = parser().parse_args(["explain", "--method", "a", "--method", "b", "c", "--option", "p=1", "--option", "q=2"])
    assert options.method == ["a", "b", "c"]
    assert options.option == [("p", "1"), ("q", "2")]
    assert parser().parse_args(["explain"]).method == ("grad_cam", "hirescam")


def test_names_in_any_spelling(capsys):
    assert main(["explain", "--method", "Grad-CAM", "LAYERCAM", "--score", "Log-Odds", "--out", "f.png"]) == 0
    assert main(["audit", "--jobs", "1", "--method", "LRP, LRP-0", "--score", "POST", "--attack", "Corner", "--option", "composite=flat"]) == 0
    assert main(["bake", "glyphs", "b.safetensors", "--layout", "TorchVision"]) == 0
    assert ta.load("b.safetensors", family="tinyattr").weights["fc1"][0].shape[1] == 129
    assert "unknown" not in capsys.readouterr().err


def test_an_option_that_no_audited_method_has(capsys):
    assert main(["audit", "--jobs", "1", "--method", "gradient", "--option", "stepps=3"]) == 1
    assert "unknown option of gradient 'stepps'" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--layer", "--target", "--tap", "--out", "--net", "--json", "--family"])
def test_an_empty_word_is_no_default(option, capsys):
    assert main(["explain", "--altered", option, ""]) == 1
    assert "is given, but empty" in capsys.readouterr().err


def test_a_folder_of_pictures(photos, capsys):
    """A figure and a JSON for each, the same numbers as for one; a table of all; nothing overwritten."""
    assert main(["explain", str(photos), "--altered", "--score", "pre", "--method", "hirescam"]) == 0
    told = capsys.readouterr().out
    assert sorted(p.name for p in (photos.parent / "explained").iterdir()) == ["a.png.json", "a.png.png", "b.jpg.json", "b.jpg.png"]
    for name in ("a.png", "b.jpg"):
        assert main(["explain", str(photos / name), "--altered", "--score", "pre", "--method", "hirescam", "--json", "one.json"]) == 0
        one, of_all = (json.loads(Path(p).read_text()) for p in ("one.json", f"explained/{name}.json"))
        assert one == of_all
        (row,) = (line for line in told.splitlines() if line.startswith(str(photos / name)))
        assert one["label"] in row
        assert f"{one['y_c']:.6g}" in row
    capsys.readouterr()
    assert main(["explain", str(photos)]) == 1
    assert "exists already and is not overwritten" in capsys.readouterr().err


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(photos, capsys):
    (photos / "c.png").write_text("no picture")
    assert main(["explain", str(photos), "--score", "pre", "--method", "hirescam", "--out", "found"]) == 1
    told = capsys.readouterr()
    assert "1 of 3 pictures could not be read: " in told.err
    assert "is not a picture" in told.out
    assert len(list((photos.parent / "found").iterdir())) == 4


@pytest.mark.parametrize(("arguments", "words"), [
    (["photos/a.png", "./photos/../photos/a.png"], "two pictures would be written to"), (["photos", "--json", "n.json"], "are for one picture"),
    (["photos", "--out", "photos/a.png"], "is a file"), (["photos", "--out", "no/such"], "no folder 'no'"), ([".", "--out", "x"], "no JPEG or PNG"),
])
def test_several_pictures_that_cannot_be_explained(arguments, words, photos, capsys):
    before = sorted(photos.parent.rglob("*"))
    assert main(["explain", *arguments]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert sorted(photos.parent.rglob("*")) == before


@pytest.mark.parametrize("arguments", [["explain", "photos/a.png", "--score", "pre", "--method", "hirescam"], ["paint", "HI", "--image", "photos/a.png"],
                                       ["reproduce", "fig3", "--image", "photos/a.png"], ["play", "photos/a.png", "--out", "p.png"]])
def test_a_photo_without_a_network_for_photos(arguments, photos, capsys, monkeypatch):
    """One line says what the embedded network knows; a fetched network is taken, and named, unless --net says otherwise."""
    assert main(arguments) == 0
    (note,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("note"))
    assert "knows 20 drawn glyphs" in note
    assert "tinyattr weights fetch squeezenet" in note
    assert main([*arguments, "--net", "glyphs"]) == 0
    assert "note" not in capsys.readouterr().out
    load, asked = ta.load, []
    monkeypatch.setattr("tinyattr.cli.shared.ta.load", lambda net, **said: asked.append(net) or load("glyphs"))
    cached(FETCHABLE["squeezenet"]).parent.mkdir()
    cached(FETCHABLE["squeezenet"]).touch()
    assert main(arguments) == 0
    assert asked == ["squeezenet"]
    assert "note     the fetched network squeezenet is used; --net names another" in capsys.readouterr().out


def test_a_scene_of_our_own_needs_no_note(capsys):
    assert main(["explain", "--score", "pre", "--method", "hirescam"]) == 0
    assert "note" not in capsys.readouterr().out


def test_only_play_needs_a_window():
    assert [name for name, (_, _, _, defaults) in COMMANDS.items() if defaults.get("window")] == ["play"]


def test_an_audit_of_photos_says_what_the_embedded_network_knows(photos, capsys):
    assert main(["audit", "--images", "photos", "--method", "gradient", "--score", "pre", "--attack", "corner", "--jobs", "1"]) == 0
    assert "knows 20 drawn glyphs" in capsys.readouterr().out
    assert main(["audit", "--pictures", str(10**12)]) == 1
    assert "pictures must be a whole number from 1 to 10000" in capsys.readouterr().err


@pytest.fixture
def foreign():
    """A network of three classes, without a dense layer: excitation backprop with contrast, say, has nothing to negate."""
    rng = np.random.default_rng(0)
    weights = {"conv": (rng.standard_normal((3, 3, 3, 3), np.float32), np.zeros(3, np.float32))}
    net = ta.network([("conv", "conv2d", {"padding": 1}), ("tanh", "tanh", {}), ("gate", "exp", {}), ("pool", "global_avg_pool", {})], weights,
                     name="foreign", input=ta.InputSpec(16, mean=(127.0,) * 3, scale=(64.0,) * 3))
    ta.save(net, "foreign.h5")


def test_all_methods_leave_out_those_that_cannot(foreign, capsys):
    """LRP has no rule for an exponential; all other methods answer."""
    assert main(["explain", "--net", "foreign.h5", "--method", "all", "--score", "post", "--altered", "--json", "n.json", "--option", "samples=3", "window=8",
                 "stride=8"]) == 0
    told, found = capsys.readouterr().out, json.loads(Path("n.json").read_text())
    assert "left out  lrp: no rule for 'exp'" in told
    assert {m["method"] for m in found["maps"]} == ta.METHODS.keys() - found["left_out"].keys()
    assert found["left_out"].keys() == {"lrp", "excitation_backprop"}
    assert main(["explain", "--net", "foreign.h5", "--method", "lrp", "--score", "post"]) == 1
    assert main(["explain", "--net", "foreign.h5", "--method", "all", "--score", "post", "--option", "samples=0"]) == 1
    assert "samples must be" in capsys.readouterr().err


def test_scenes_ask_a_foreign_network_for_its_own_class(foreign, capsys):
    """Class 8 of the scenes is a sun, and nothing in another network."""
    assert main(["audit", "--net", "foreign.h5", "--method", "gradient", "--score", "pre", "--attack", "corner", "--jobs", "1", "--json", "a.json"]) == 0
    (row,) = json.loads(Path("a.json").read_text())["rows"]
    assert "hit" not in row


def test_weights_that_exist_are_kept_unless_one_says_so(tmp_path, monkeypatch, capsys):
    """Somebody may have trained for hours on them."""
    monkeypatch.chdir(tmp_path)
    Path("mine.h5").write_bytes(b"trained for hours")
    for command in (["bake", "glyphs", "mine.h5"], ["repair", "glyphs", "mine.h5"], ["weights", "convert", "glyphs", "mine.h5"], ["train", "--out", "mine.h5"]):
        assert main(command) == 1
        assert capsys.readouterr().err == "tinyattr: 'mine.h5' exists already, and is kept; give another name, or --overwrite\n"
        assert Path("mine.h5").read_bytes() == b"trained for hours"
    assert main(["repair", "glyphs", "mine.h5", "--overwrite"]) == 0
    assert Path("mine.h5").read_bytes() != b"trained for hours"
