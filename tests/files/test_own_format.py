"""Our own files: any network comes back with the same layers, bytes and logits, or not at all."""

import io
import json
from dataclasses import replace
from hashlib import sha256

import h5py
import numpy as np
import pytest

import tinyattr as ta
from tests.references import FOLDER
from tinyattr.files.embedded import embedded
from tinyattr.files.load import convert
from tinyattr.files.show import show_file

OWN = FOLDER / "keras_own"


def saved(net):
    """The network that `load` gives back, by way of a file's bytes."""
    ta.save(net, file := io.BytesIO())
    return ta.load(file.getvalue())


def assert_same(a, b):
    assert a.layers == b.layers
    for field in ("name", "features", "classes", "input"):
        assert getattr(a, field) == getattr(b, field), field
    assert b.source == a.source or a.source == ""  # then it is the file
    assert a.weights.keys() == b.weights.keys()
    for layer, arrays in a.weights.items():
        for v, w in zip(arrays, b.weights[layer], strict=True):
            assert (v.dtype, v.shape, v.tobytes()) == (w.dtype, w.shape, w.tobytes()), layer


def small():
    """A network of most kinds of attributes and weights, with names that are no names of groups."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.standard_normal(shape).astype("f4")

    layers = [("a/b", "conv2d", {"padding": ((0, 1), (1, 0)), "dilation": np.int64(2), "groups": 1}), ("..", "batch_norm", {}),
              ("100%", "prelu", {}), ("one", "constant", {}), ("scaled", "mul", {"inputs": ["100%", "one"]}),
              ("clip me", "clip", {"low": -0.1, "high": 1e30}), ("pool", "max_pool", {"size": [2, 2], "stride": 2, "ceil": True}),
              ("flatten", "flatten", {}), ("z", "dense", {})]
    weights = {"a/b": (normal(3, 3, 3, 4), normal(4)), "..": (normal(4), normal(4)), "100%": (normal(4),),
               "one": (np.float32(0.3),), "z": (np.zeros((36, 2), "f4"), normal(2) * 1e6)}
    spec = ta.InputSpec((9, 9), "RGB", (1.5, 2, 3), (4, 5, 6))
    return ta.network(layers, weights, name="odd", classes=("cat", "dög"), input=spec, source="by hand", features="pool")


@pytest.mark.filterwarnings("ignore:the picture has values")
@pytest.mark.parametrize(("make", "shape"), [
    (small, (9, 9, 3)), (lambda: small().astype("float64"), (9, 9, 3)),
    (lambda: ta.alter(ta.load("glyphs"), K=1e6, layer="block5_pool", at=(0, 0)), (224, 224, 3)),
    (lambda: ta.alter(ta.load(OWN / "nested.h5")), (16, 16, 3)),
    (lambda: ta.load(OWN / "mobile.keras"), (24, 24, 3)), (lambda: ta.load(OWN / "sigmoid.keras"), (20, 20, 3)),
    (lambda: ta.vgg("A", width=1 / 16, classes=["cat", "dog"], size=32), (32, 32, 3)),
    (lambda: ta.network([("p", "global_avg_pool", {})], {}), (4, 4, 3)),
])
def test_any_network_comes_back(make, shape):
    net = make()
    again = saved(net)
    assert_same(net, again)
    x = np.random.default_rng(1).uniform(0, 1, (1, *shape))
    assert (net(x) == again(x)).all()


def test_version_1_is_still_read():
    """The embedded network's file."""
    with h5py.File(embedded("weights/glyphs.h5")) as file:
        assert file.attrs["version"] == b"1"
    net = ta.load("glyphs")
    assert_same(net, saved(net))


def test_a_keras_model_becomes_a_file_of_our_own(tmp_path):
    convert(OWN / "student.keras", tmp_path / "own.h5")
    net, again = ta.load(OWN / "student.keras"), ta.load(tmp_path / "own.h5")
    assert (again.layers, again.input, again.features) == (net.layers, net.input, net.features)
    assert "the last softmax (dense_1) is removed" in show_file(tmp_path / "own.h5")


def test_what_cannot_be_written():
    net = small()
    for layers, words in (([(name, op, {**own, "inputs": ["input"]} if name == "a/b" else own) for name, op, own in net.layers], None),
                          ([("x" * 101 if name == "z" else name, op, own) for name, op, own in net.layers], "at most 100 printable")):
        weights = {"x" * 101 if name == "z" and words else name: arrays for name, arrays in net.weights.items()}
        if words:
            with pytest.raises(ta.InputError, match=words):
                saved(ta.network(layers, weights))
        else:
            assert saved(ta.network(layers, weights)).layers == ta.network(layers, weights).layers
    for name in ("r" * 101, "a\nb"):  # a layer without weights
        with pytest.raises(ta.InputError, match="at most 100 printable"):
            saved(ta.network([(name, "relu", {}), *small().layers], small().weights))
    for said in ({"name": "a\nb"}, {"source": "c\x00"}, {"classes": ("d\t", "e")}):
        with pytest.raises(ta.InputError, match="cannot be printed"):
            saved(replace(small(), **said))
    broken = ta.network([("d", "dense", {})], {"d": (np.full((3, 2), np.inf, "f4"), np.zeros(2, "f4"))})
    with pytest.raises(ta.InputError, match="d/kernel holds inf"):
        saved(broken)
    odd = ta.network([("c", "clip", {"low": float("nan"), "high": 1.0})], {})
    with pytest.raises(ta.InputError, match="an attribute of a layer cannot be written"):
        saved(odd)


def rewritten(change, digest=True):
    """Bytes of a saved network after change(what the file says, the open file)."""
    ta.save(small(), file := io.BytesIO())
    with h5py.File(file, "r+") as opened:
        said = json.loads(opened["about"][...].tobytes())
        change(said, opened)
        if isinstance(opened.get("about"), h5py.Dataset):
            text = json.dumps(said).encode()
            del opened["about"]
            opened["about"] = np.frombuffer(text, np.uint8)
            if digest:
                opened.attrs["sha256"] = np.bytes_(sha256(text).hexdigest())
    return file.getvalue()


def layer_0(op, attributes):
    return lambda said, file: said["layers"].__setitem__(0, ["a/b", op, attributes])


@pytest.mark.parametrize(("change", "words"), [
    (layer_0("no_op", {}), "unknown op 'no_op'"),
    (layer_0("conv2d", {"padding": 1, "paint": "red"}), "unexpected keyword argument 'paint'"),
    (layer_0("conv2d", 5), "a layer is (name, op, attributes)".replace("(", "\\(").replace(")", "\\)")),
    (layer_0([], {}), "damaged"),
    (layer_0("conv2d", {"inputs": ["z"]}), "reads 'z', which does not come before it"),
    (lambda said, file: said["layers"].append(["y" * 200, "relu", {}]), "name is too long or not printable"),
    (lambda said, file: said["layers"].append(5), "damaged"),
    (lambda said, file: said.update(layers={}), "does not describe a network"),
    (lambda said, file: said.update(dtype="int8"), "does not describe a network"),
    (lambda said, file: said.update(classes=[1, 2]), "not a list of names"),
    (lambda said, file: said.update(classes=["only one"]), "1 class names for 2 logits"),
    (lambda said, file: said.update(input={"size": 0}), "needs a size"),
    (lambda said, file: said.update(network="\x1b[2J"), "cannot be printed"),
    (lambda said, file: said.update(features="nowhere"), "unknown layer"),
    (lambda said, file: said.update(more=1), "do not say what a tinyattr file must"),
    (lambda said, file: said["sha256"].pop("z/bias"), "z/bias is damaged"),
    (lambda said, file: file.__delitem__("weights/z/bias"), "it lacks"),
    (lambda said, file: file.__setitem__("weights/link", h5py.SoftLink("/about")), "link to another place"),
    (lambda said, file: (file.__delitem__("about"), file.create_group("about")), "not stored as in a tinyattr file"),
    (lambda said, file: file.attrs.__setitem__("version", np.bytes_("3")), "format version 3; supported are versions 1 and 2"),
])
def test_what_is_refused(change, words):
    with pytest.raises(ta.InputError, match=words) as error:
        ta.load(rewritten(change))
    assert "\n" not in str(error.value)


def test_a_change_of_a_layer_is_found():
    """Stride 1 made 2: every shape may still fit."""
    with pytest.raises(ta.InputError, match="its description of the network is damaged"):
        ta.load(rewritten(layer_0("conv2d", {"stride": 2}), digest=False))


def test_class_names_that_no_reader_would_take_are_not_written(tmp_path):
    net = ta.network([("conv", "conv2d", {}), ("pool", "global_avg_pool", {})], {"conv": (np.ones((1, 1, 3, 2)), np.zeros(2))}, classes=["a\nb", "c"])
    with pytest.raises(ta.InputError, match="characters that cannot be printed"):
        ta.save(net, tmp_path / "net.h5")
    assert not list(tmp_path.iterdir())
