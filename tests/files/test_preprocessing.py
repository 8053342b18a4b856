"""What a file cannot say can be said, in Python and on the command line; what cannot be right is one line."""

import re

import numpy as np
import pytest
from PIL import Image

import tinyattr as ta
from tests.files.keras_files import conv, keras_zip, layer, random_arrays, sequential
from tests.files.layouts import write
from tests.files.torch_files import torch_state, zipped
from tinyattr.cli.main import main
from tinyattr.files.load import convert

VGG_FACE = ta.InputSpec(64, "BGR", (93.594, 104.7624, 129.1863))
PHOTO = np.full((64, 64, 3), (0, 128, 255), np.uint8)
NAMES = ["cat", "dog", "cow"]


@pytest.fixture(scope="module")
def small():
    return ta.vgg("A", width=1 / 16, classes=3, size=64, dense=(5, 6))


@pytest.fixture
def bare(small, tmp_path):
    """A file of weights alone."""
    return write(tmp_path / "bare.h5", small.weights, "keras-2016")


def test_a_training_of_somebodys_own(bare):
    face = ta.load(bare, input=VGG_FACE, classes=NAMES)
    assert np.allclose(face.read(PHOTO)[0, 0, 0], [255 - 93.594, 128 - 104.7624, -129.1863])
    assert face.classes == tuple(NAMES)
    assert ta.grad_cam(face, face.read(PHOTO), target="cow", score="log_odds").target == 2
    scaled = ta.load(bare, input=ta.InputSpec(64, scale=(255, 255, 255)))
    assert np.allclose(scaled.read(PHOTO)[0, 0, 0], [0, 128 / 255, 1])
    assert scaled.classes is None


def test_what_was_said_is_kept_in_a_file_of_our_own(bare, tmp_path):
    convert(bare, tmp_path / "own.h5", input=VGG_FACE, classes=NAMES)
    again = ta.load(tmp_path / "own.h5")
    assert (again.input, again.classes) == (VGG_FACE, tuple(NAMES))
    assert ta.load(tmp_path / "own.h5", input=VGG_FACE, classes=["a", "b", "c"]).classes == ("a", "b", "c")


@pytest.mark.parametrize(("said", "words"), [
    ({"input": VGG_FACE, "family": "oxford"}, "input contains size and preprocessing; leave family and size out"),
    ({"input": VGG_FACE, "size": 64}, "leave family and size out"),
    ({"input": ta.InputSpec(224)}, r"size=224, .* cannot be right: the network takes pictures of 64 to 95 pixels"),
    ({"input": ta.InputSpec(64, "L", (0.0,), (1.0,))}, "cannot be right"),
    ({"input": ta.InputSpec(64, mean=(0.485, 0.456, 0.406), scale=(0.229, 0.224, 0.225))}, r"values 0\.\.255, .* would be \(123\.675, 116\.28"),
    ({"input": {"size": 64}}, r"InputSpec\(size, order, mean, scale\), .*; got"),
    ({"size": "64"}, "size must be a whole number"), ({"size": True}, "size must be a whole number"), ({"size": 0}, "at least 1"),
    ({"size": 32}, "size 32 cannot be right: the network takes pictures of 64 to 95 pixels"),
    ({"classes": ["cat", "dog"]}, "2 class names for 3 logits"), ({"classes": "cat"}, "classes must be a list"),
    ({"classes": [1, 2, 3]}, "a list of names"), ({"classes": []}, "a list of names"), ({"classes": ["a\n", "b", "c"]}, "a list of names"),
])
def test_what_cannot_be_right(bare, said, words):
    with pytest.raises(ta.InputError, match=words) as error:
        ta.load(bare, **said)
    assert "\n" not in str(error.value)


def test_what_the_file_says_is_not_overruled():
    spec = ta.load("glyphs").input
    assert ta.load("glyphs", input=spec).input == spec
    assert ta.load("glyphs", size=spec.size).input == spec
    for said, words in [({"input": VGG_FACE}, r"size=64, .* cannot be right: the file says itself .*InputSpec"), ({"size": 63}, "size 63 cannot be right"),
                        ({"family": "oxford"}, "the file says itself"), ({"classes": NAMES}, "3 class names for 20 logits")]:
        with pytest.raises(ta.InputError, match=words):
            ta.load("glyphs", **said)


def test_published_numbers_are_not_overruled(tmp_path, small, monkeypatch):
    from tinyattr.files import recognise, registry
    published = registry.Published("mine", "VGG11", "torchvision", "VGG11 that was published")
    monkeypatch.setattr(recognise, "identify", lambda *_: (published, {}))
    path = zipped(tmp_path / "w.pth", torch_state(small))
    with pytest.raises(ta.InputError, match="cannot be right: its numbers are those of VGG11 that was published, of the family torchvision"):
        ta.load(path, input=VGG_FACE)
    spec = ta.FAMILIES["torchvision"]
    mine = ta.InputSpec(80, spec.order, spec.mean, spec.scale, "bilinear-squash")
    assert ta.load(path, input=mine).input == mine
    assert ta.load(path, size=70).input.size == 70


@pytest.mark.parametrize(("given", "expected"), [
    ("--size 64 --std 255", ta.InputSpec(64, scale=(255, 255, 255))),
    ("--size 64 --channels bgr --mean 93.594 104.7624 129.1863", VGG_FACE),
    ("--size 64 --mean 127.5 --std 127.5", ta.InputSpec(64, mean=(127.5,) * 3, scale=(127.5,) * 3)),
])
def test_the_command_line_says_it_too(bare, tmp_path, given, expected, capsys):
    (tmp_path / "names.txt").write_text("cat\ndog\n\ncow\n", encoding="utf-8")
    for classes in (NAMES, [str(tmp_path / "names.txt")]):
        out = tmp_path / f"{len(classes)}.h5"
        assert main(["weights", "convert", str(bare), str(out), *given.split(), "--classes", *classes]) == 0
        net = ta.load(out)
        assert (net.input, net.classes) == (expected, tuple(NAMES))
    assert main(["explain", "--net", str(bare), *given.split(), "--classes", *NAMES, "--target", "cow", "--out", str(tmp_path / "e.png")]) == 0
    assert "cow" in capsys.readouterr().out


@pytest.mark.parametrize(("given", "words"), [
    ("--std 255", "need the size of the pictures, which the file does not fix: --size PIXELS, or --size HEIGHT WIDTH"),
    ("--size 64 64 64 --std 255", "--size takes one number, or height and width; got 64 64 64"), ("", "command line: --size, --mean and --std"), ("--size 64 --family oxford --mean 1", "leave --channels, --mean and --std out"),
    ("--size 64 --mean 1 2", "for each channel a mean"), ("--size 64 --channels RBG", "order RGB, BGR or L"),
    ("--size 64 --std 0", "positive scale"), ("--size 64 --mean 0.5 --std 0.5", r"not 0\.\.1"), ("--size 0 --std 255", "size >= 1"),
    ("--size 64 --std 255 --classes nothing.txt", "'nothing.txt' cannot be read, No such file or directory; --classes takes"),
    ("--size 64 --std 255 --classes cat dog", "2 class names for 3 logits"),
])
def test_one_line_on_the_command_line(bare, given, words, capsys, tmp_path):
    assert main(["explain", "--net", str(bare), *given.split(), "--out", str(tmp_path / "e.png")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(words, error), error


@pytest.fixture
def wide(tmp_path):
    """A Keras model for pictures of 8 x 10 that does not preprocess photos."""
    layers = [conv("conv2d", 3), layer("GlobalAveragePooling2D", "pool")]
    path = tmp_path / "wide.keras"
    path.write_bytes(keras_zip(sequential(layers, (8, 10, 3)), random_arrays({"conv2d": (3, 3, 3, 3)})))
    return path


@pytest.mark.parametrize("given", ["--size 8 10 --std 255", "--std 255", "--mean 0"])
def test_pictures_that_are_not_square(wide, tmp_path, given):
    """The size may be left out if the file fixes it."""
    out = tmp_path / "own.h5"
    assert main(["weights", "convert", str(wide), str(out), *given.split()]) == 0
    scale = (1.0 if given == "--mean 0" else 255.0,) * 3
    assert ta.load(out).input == ta.InputSpec((8, 10), scale=scale)
    photo = tmp_path / "photo.png"
    Image.fromarray(PHOTO).save(photo)
    assert main(["explain", str(photo), "--net", str(wide), *given.split(), "--out", str(tmp_path / "e.png")]) == 0


@pytest.mark.parametrize(("given", "status", "words"), [
    (["--size", "10", "--std", "255"], 1, r"the network takes pictures \(8, 10, 3\), as the file says"),
    (["--family", "oxford"], 1, r"say with input=InputSpec\(...\) .*\(command line: --mean, --std\)"),
    (["--std", "255", "--size", "8", "photo.png"], 2, r"argument --size: 'photo.png' is not a number of pixels; give files before --size"),
])
def test_what_cannot_be_right_for_pictures_that_are_not_square(wide, given, status, words, capsys, tmp_path):
    try:
        found = main(["explain", "--net", str(wide), "--out", str(tmp_path / "e.png"), *given])
    except SystemExit as end:
        found = end.code
    error = capsys.readouterr().err
    assert (found, error.count("\n")) == (status, 1)
    assert re.search(words, error), error


def test_a_vgg_for_pictures_that_are_not_square(tmp_path):
    """Its family brings another size, so the size comes from the file."""
    from tests.files.test_keras import vgg11

    config, arrays = vgg11()
    config["config"]["layers"][0]["config"]["batch_shape"] = [None, 64, 70, 3]
    assert ta.load(keras_zip(config, arrays), family="oxford").input.shape == (64, 70, 3)
