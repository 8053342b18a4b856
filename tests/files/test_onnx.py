"""ONNX files: PyTorch's own answers, the format's own cases, and what is refused. Most tests need the package onnx."""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyattr as ta
from tests.generated import PAGES, ROOT
from tests.references import FOLDER
from tinyattr.engine import Tape
from tinyattr.files.onnx.builder import Builder, channels_first, factors, readable
from tinyattr.files.onnx.file import onnx_start, read_graph
from tinyattr.files.onnx.network import Walk, picture_shape
from tinyattr.nets.pictures import InputSpec

ONNX = importlib.util.find_spec("onnx") is not None
needs_onnx = pytest.mark.skipif(not ONNX, reason="the package onnx is not installed: pip install onnx")
SMALL = [f"{name}{by}" for name in ("alex", "excite", "modern", "shuffle") for by in ("", "_dynamo")]
OWN = {  # the layer whose output is A; whether the exporter merged batch norms into float32 weights
    "binary_sigmoid": ("f.4.Relu", "node_relu_1", False), "cifar_resnet20": ("layer3.2.Relu_1", "node_relu_18", True),
    "densenet": ("Relu_5", "node_relu_5", True), "mobile": ("f.7.Clip", "n4_8", True),
    "tanh_softmax": ("f.4.Sigmoid", "node_sigmoid", False), "vgg_bn": ("f.14.MaxPool", "node_max_pool2d_2", True),
}
BIG = ("bvlc_alexnet", "vgg19", "zfnet512")  # 60 to 144 million weights


def distance(a, b):
    """The largest difference, relative to the largest number."""
    return np.abs(a - b).max() / max(np.abs(b).max(), np.finfo(float).tiny)


def answers(net, x, c):
    """(tape, z, signals of z_c) of a network in float64 for pictures (N, C, H, W)."""
    tape = net.run(x.transpose(0, 2, 3, 1).astype(float))
    z = net.logits(tape)
    return tape, z, ta.walk(tape, {net.layers[-1][0]: np.eye(z.shape[1])[c]}, ta.GRADIENT)


@needs_onnx
@pytest.mark.parametrize("name", SMALL)
def test_pytorchs_answers(name):
    """Logits, dz_c/dx, A and dz_c/dA of networks by both exporters, in float64. No batch norm: nothing was rounded."""
    net = ta.load(FOLDER / "onnx" / f"{name}.onnx").astype(np.float64)
    theirs = np.load(FOLDER / "onnx" / f"{name.removesuffix('_dynamo')}.npz")
    tape, z, signals = answers(net, theirs["x"], theirs["c"])
    assert distance(z, theirs["z"]) < 1e-12
    assert distance(signals["input"][0], theirs["dzc_dx"].transpose(1, 2, 0)) < 1e-12
    A = theirs["A"].transpose(1, 2, 0)
    layer = min((r for r in tape if r.output.shape[1:] == A.shape), key=lambda r: distance(r.output[0], A)).name
    assert distance(tape[layer].output[0], A) < 1e-12
    assert distance(signals[layer][0], theirs["dzc_dA"].transpose(1, 2, 0)) < 1e-12


@needs_onnx
@pytest.mark.parametrize(("name", "ops"), [
    ("alex", "conv2d leaky_relu lrn max_pool conv2d prelu max_pool flatten dense"),
    ("excite", "conv2d silu global_avg_pool conv2d silu conv2d sigmoid mul conv2d hard_swish global_avg_pool dense two_logits"),
    ("modern", "conv2d gelu conv2d_transpose elu upsample softplus gelu reshape transpose reshape global_max_pool dense"),
])
def test_formulas_become_one_op(name, ops):
    """In the file they are 5 to 60 nodes each; both exporters' files give the same layers."""
    nets = [ta.load(FOLDER / "onnx" / f"{name}{by}.onnx") for by in ("", "_dynamo")]
    for net in nets:
        assert [op for _, op, _ in net.layers] == ops.split()
    assert [own for _, _, own in nets[0].layers if "inputs" not in own] == [own for _, _, own in nets[1].layers if "inputs" not in own]


@needs_onnx
@pytest.mark.parametrize("exporter", ["", "_dynamo"])
@pytest.mark.parametrize("name", OWN)
def test_networks_of_own_networks(name, exporter, shared):
    """1e-9 where the file holds PyTorch's own numbers. Where the exporter merged batch norms, its rounding to float32 is
    what is left, 2e-7 at most: in float64 our network is the file's function to 1e-12, as onnx's own evaluator says.
    """
    old, new, merged = OWN[name]
    path = shared / "own_networks" / f"{name}{exporter}.onnx"
    theirs, layer = np.load(path.with_name(f"{name}.npz")), new if exporter else old
    net, tolerance = ta.load(path).astype(np.float64), 1e-6 if merged else 1e-9
    tape, z, signals = answers(net, theirs["x"], theirs["c"])
    for found, expected in ((signals["input"], "dzc_dx"), (tape[layer].output, "A"), (signals[layer], "dzc_dA")):
        assert distance(found, theirs[expected].transpose(0, 2, 3, 1)) < tolerance
    assert distance(z, theirs["z"]) < tolerance
    graph = read_graph(path.read_bytes(), path.parent)
    exact = ta.network(*Walk(graph, picture_shape(graph, None), np.dtype(float)).network())
    z, expected = exact(theirs["x"].transpose(0, 2, 3, 1).astype(float)), evaluated(path, theirs["x"])
    assert distance(z if expected.shape[1] > 1 else z[:, 1:], expected) < 1e-12


def evaluated(path, x):
    """The logits (or the one logit) of a file's graph by onnx's ReferenceEvaluator, in float64."""
    import onnx
    import onnx.version_converter
    from onnx.reference import ReferenceEvaluator

    model = onnx.load(path)
    if model.opset_import[0].version < 15:  # its batch normalisation of older opsets is that of training
        model = onnx.version_converter.convert_version(model, 15)
    graph = model.graph
    tensors = [*graph.initializer, *(a.t for n in graph.node for a in n.attribute if a.type == a.TENSOR)]
    for tensor in tensors:
        array = onnx.numpy_helper.to_array(tensor)
        if array.dtype == np.float32:
            tensor.CopyFrom(onnx.numpy_helper.from_array(array.astype(float), tensor.name))
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    if graph.node[-1].op_type in ("Softmax", "Sigmoid"):
        graph.output[0].name = graph.node.pop().input[0]
    return ReferenceEvaluator(model).run(None, {graph.input[0].name: x.astype(float)})[0]


@needs_onnx
@pytest.mark.parametrize("name", SMALL)
def test_saved_as_a_file_of_our_own(name, tmp_path):
    """The layers by name, and every logit to the last bit; the package onnx is not needed any more."""
    net = ta.load(FOLDER / "onnx" / f"{name}.onnx")
    ta.save(net, tmp_path / "own.h5")
    again, x = ta.load(tmp_path / "own.h5"), np.load(FOLDER / "onnx" / f"{name.removesuffix('_dynamo')}.npz")["x"]
    assert [layer for layer, *_ in again.layers] == [layer for layer, *_ in net.layers]
    assert np.array_equal(again(x.transpose(0, 2, 3, 1)), net(x.transpose(0, 2, 3, 1)))


@needs_onnx
@pytest.mark.parametrize(("softmax", "opset", "words"), [
    ({"axis": 1}, 13, None), ({"axis": -1}, 13, None), ({}, 13, None), ({"axis": 1}, 9, None), ({}, 9, None),
    ({"axis": 0}, 13, "over all classes"), ({"axis": 0}, 9, "over all classes"), ({"axis": 2}, 9, "makes no sense|over all classes"),
])
def test_only_a_softmax_over_the_classes_is_taken_off(softmax, opset, words):
    from tests.files.onnx_hostile import HEAD, W, model

    data = model([*HEAD[:2], ("Gemm", "f w", "z", {}), ("Softmax", "z", "y", softmax)], {"w": W}, opset=opset).SerializeToString()
    if words:
        with pytest.raises(ta.InputError, match=words):
            ta.load(data)
    else:
        assert np.allclose(ta.load(data)(np.ones((1, 8, 8, 3))), 3)


@needs_onnx
def test_what_was_taken_off_is_said(shared):
    folder = shared / "own_networks"
    assert "Softmax is removed" in ta.load(folder / "tanh_softmax.onnx").source
    binary = ta.load(folder / "binary_sigmoid_dynamo.onnx")
    assert "Sigmoid is removed" in binary.source
    assert "(0, z)" in binary.source
    assert [op for _, op, _ in binary.layers].count("two_logits") == 1


@needs_onnx
def test_conformance(capsys):
    """Every case of ONNX's own suite whose operators are ours passes, or is not run for a reason that is printed."""
    from tests.files.onnx_suite import run

    passed, skipped, wrong = run()
    with capsys.disabled():
        print(f"\nONNX's own cases: {len(passed)} passed, {sum(map(len, skipped.values()))} not run:")
        for why, names in sorted(skipped.items(), key=lambda item: -len(item[1])):
            print(f"{len(names):6} {why}")
    assert not wrong
    page = (PAGES / "weights.md").read_text(encoding="utf-8")
    version, *counts = re.search(r"conformance suite \(onnx (\d+\.\d+)\).*?has ([\d,]+) small cases. We can read (\d+) .* all (\d+) pass. "
                                 r"The other ([\d,]+) ", page, re.S).groups()
    rest = sum(map(len, skipped.values()))
    expected = [len(passed) + rest, len(passed), len(passed), rest]
    assert [int(n.replace(",", "")) for n in counts] == expected or not importlib.metadata.version("onnx").startswith(f"{version}.")
    short = re.search(r"suite with ([\d,]+) small cases.*tinyattr can read (\d+) of the cases.\s+All (\d+) pass", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert list(short.groups()) == counts[:3]


@needs_onnx
@pytest.mark.parametrize("name", ["densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", *BIG])
def test_light_networks(name):
    """The nine whole networks: the outputs that the suite stores, and onnxruntime's logits on random weights (stored)."""
    import onnx

    from tests.files import onnx_light as light

    net = ta.load(light.path_of(name))
    stored = onnx.numpy_helper.to_array(onnx.TensorProto.FromString(light.path_of(name).with_name(f"light_{name}_output_0.pb").read_bytes()))
    z = net(_picture_of_the_suite())
    if name == "densenet121":
        assert np.allclose(z.ravel(), stored.ravel(), 1e-3, 1e-7)
    else:  # a softmax of equal logits, as large as 4e31: they are equal as far as float32 can tell
        assert np.allclose(stored, 1 / stored.size)
        assert np.ptp(z) <= 1e-5 * np.abs(z).max()
    del net
    found, theirs = light.ours(name), json.loads((FOLDER / "onnx_light.json").read_text(encoding="utf-8"))[name]
    runs = [theirs] + ([light.onnxruntime(name)] if importlib.util.find_spec("onnxruntime") and name not in BIG else [])
    for run in runs:
        assert found["A_shape"] == run["A_shape"]
        assert np.allclose(found["z"], run["z"], atol=1e-4 * run["z_norm"] / 1000**0.5)
        assert np.allclose(found["A"], run["A"], rtol=1e-3, atol=1e-4 * np.abs(run["A"]).max())
        assert np.isclose(found["z_norm"], run["z_norm"], rtol=1e-5)
        assert np.isclose(found["A_norm"], run["A_norm"], rtol=1e-5)


def _picture_of_the_suite():
    """What the suite feeds its light networks: i / n, where i counts the n numbers of (1, 3, 224, 224)."""
    return (np.arange(3 * 224 * 224) / (3 * 224 * 224)).reshape(1, 3, 224, 224).transpose(0, 2, 3, 1).astype("f4")


@needs_onnx
def test_hostile_onnx_files(tmp_path):
    """One line, in little time and memory; and nothing outside the file's folder is read."""
    from tests.files.onnx_hostile import write

    folder = tmp_path / "here"
    folder.mkdir()
    words = write(folder)
    run = subprocess.run([sys.executable, "-m", "tests.files.onnx_hostile", folder], cwd=ROOT,
                         capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(found) == len(words), f"died with {run.returncode} at {list(words)[len(found):][:1]}: {run.stderr[-500:]}"
    for (name, expected), (file, error, megabytes, seconds) in zip(words.items(), found, strict=True):
        assert re.search(expected, error), f"{name}: {error}"
        assert error == "loaded" or file in error, name
        assert error.isprintable(), name
        assert megabytes < 200, name
        assert seconds < 5, name  # a hundredth on an idle machine


@needs_onnx
def test_damaged_onnx_files():
    run = subprocess.run([sys.executable, "-m", "tests.files.fuzz", FOLDER / "onnx" / "modern.onnx", "0", "200"],
                         cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"seed {run.stdout.split()[-1:]}: {run.stderr[-500:]}"


@needs_onnx
def test_pictures_of_open_size():
    from tests.files.onnx_hostile import HEAD, W, model

    data = model(HEAD, {"w": W}, ("n", 3, "h", "w")).SerializeToString()
    with pytest.raises(ta.InputError, match="--size"):
        ta.load(data)
    assert ta.load(data, size=6)(np.ones((2, 6, 6, 3))).shape == (2, 4)
    wide = ta.load(data, input=InputSpec((5, 7), scale=(255.0,) * 3), classes=list("abcd"))
    assert wide.classes == ("a", "b", "c", "d")
    assert wide(wide.read(np.full((20, 20, 3), 128, np.uint8))).shape == (1, 4)
    fixed = model(HEAD, {"w": W}).SerializeToString()
    with pytest.raises(ta.InputError, match="its pictures are 8 x 8; got size 5 x 5"):
        ta.load(fixed, size=5)


@needs_onnx
def test_a_file_from_tensorflow():
    """It takes (N, H, W, C) and begins with a transposition, which is absorbed; a bias that follows MatMul joins it."""
    from tests.files.onnx_hostile import model

    w, b = np.arange(12, dtype="f4").reshape(3, 4), np.arange(4, dtype="f4")
    net = ta.load(model([("Transpose", "x", "t", {"perm": [0, 3, 1, 2]}), ("Relu", "t", "r", {}), ("ReduceMean", "r", "m", {"axes": [2, 3], "keepdims": 0}),
                         ("MatMul", "m w", "d", {}), ("Add", "d b", "y", {})], {"w": w, "b": b}, (1, 4, 5, 3)).SerializeToString())
    assert [op for _, op, _ in net.layers] == ["relu", "global_avg_pool", "dense"]
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    assert np.allclose(net(x), np.maximum(x, 0).mean((1, 2)) @ w + b, rtol=1e-5)


@needs_onnx
@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_from_tensorflow_that_does_not_begin_with_a_transposition(channels):
    """tf2onnx scales the picture first, and reshapes grey pictures instead of transposing them: they stay (N, H, W, C)."""
    from tests.files.onnx_hostile import model

    grey = ("Reshape", "s shape", "t", {}) if channels == 1 else ("Transpose", "s", "t", {"perm": [0, 3, 1, 2]})
    arrays = {"scale": np.arange(1, 1 + channels, dtype="f4"), "shape": np.array([-1, 1, 4, 5])}
    nodes = [("Mul", "x scale", "s", {}), grey, ("Slice", "t from to axes", "p", {}), ("GlobalMaxPool", "p", "g", {}), ("Flatten", "g", "y", {})]
    arrays |= {"from": np.array([1]), "to": np.array([3]), "axes": np.array([3])}
    net = ta.load(model(nodes, arrays, (1, 4, 5, channels)).SerializeToString())
    x = np.random.default_rng(0).normal(size=(2, 4, 5, channels))
    z = (x * arrays["scale"])[:, :, 1:3].max((1, 2))
    assert np.allclose(net(x)[:, -channels:], z, rtol=1e-5)


@needs_onnx
@pytest.mark.parametrize("between", [("Identity", "b", "c", {}), ("Slice", "b from to", "c", {}), ("Relu", "x", "c", {})])
def test_a_scale_that_others_read_is_not_changed(between):
    """y = x s, then z = 5 y + y or the like: the 5 must not get into the first scale, by whatever name it is read."""
    from tests.files.onnx_hostile import model

    s = np.array([1.0, 2, 3], "f4").reshape(3, 1, 1)
    arrays = {"s": s, "five": np.array(5, "f4"), "from": np.array([0]), "to": np.array([1])}
    net = ta.load(model([("Mul", "x s", "b", {}), between, ("Mul", "c five", "d", {}), ("Sub", "d b", "e", {}), ("GlobalAveragePool", "e", "y", {})],
                        arrays, (1, 3, 4, 5)).SerializeToString())
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 3))
    b = x * [1, 2, 3]
    expected = 5 * (np.maximum(x, 0) if between[0] == "Relu" else b) - b
    assert np.allclose(net(x), expected.mean((1, 2)), rtol=1e-5)


X = np.random.default_rng(0).normal(size=(2, 4, 5, 3))


def gate(x):
    """What a squeeze-and-excite block multiplies by: a number for each channel."""
    return 1 / (1 + np.exp(-x.mean((1, 2), keepdims=True)))


def bilinear(x, size):
    rows, columns = (np.maximum(1 - abs(np.clip((np.arange(N) + 0.5) * n / N - 0.5, 0, n - 1)[:, None] - np.arange(n)), 0)
                     for n, N in zip(x.shape[1:3], size, strict=True))
    return np.einsum("ih,jw,nhwc->nijc", rows, columns, x)


HALF = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}


@needs_onnx
@pytest.mark.parametrize(("nodes", "expected"), [
    ([("GlobalAveragePool", "x", "g", {}), ("Sigmoid", "g", "s", {}), ("Shape", "x", "n", {}), ("Expand", "s n", "e", {}), ("Mul", "x e", "y", {})], X * gate(X)),
    ([("ReduceMean", "x", "g", {"axes": [1]}), ("Expand", "g to", "y", {})], np.repeat(X.mean(3, keepdims=True), 3, 3)),
    ([("Resize", "x none sizes", "y", HALF)], "resize_node"),
    ([("Resize", "x none none sizes", "y", {})], r"factors \[1.0, 1.0, 1.75, 0.6\] are no whole factors"),
    ([("Resize", "x none none sizes", "y", HALF)], bilinear(X, (7, 3))),
    ([("Concat", "x x", "y", {"axis": 2})], np.concatenate([X, X], 1)),
    ([("Tile", "x repeats", "y", {})], np.tile(X, (1, 1, 2, 3))),
    ([("Tile", "x batches", "y", {})], "tile_node.*from 1 to 100 for the others"),
    ([("Gather", "x bgr", "y", {"axis": 1})], X[..., [2, 1, 0]]),
    ([("Gather", "x last", "a", {"axis": -1}), ("Unsqueeze", "a end", "y", {})], X[:, :, -1:]),
    ([("Gather", "x bgr", "y", {"axis": 0})], r"gather_node.*it picks \[2, 1, 0\] along axis 0 .*no pictures of a batch"),
    ([("Mod", "bgr two", "odd", {}), ("Gather", "x odd", "y", {"axis": 1})], X[..., [0, 1, 0]]),
    ([("Neg", "x", "n", {}), ("Relu", "n", "y", {})], np.maximum(-X, 0)),
    ([("Max", "x", "y", {})], X),
    ([("Max", "x third", "y", {})], np.maximum(X, 1 / 3)),
    ([("Min", "third x", "y", {})], np.minimum(X, 1 / 3)),
    ([("Max", "x slopes", "y", {})], r"max_node.*\(1, 3, 4, 5\)\] and 1 constants; supported are values of equal shapes"),
    ([("Relu", "x", "r", {}), ("Transpose", "x", "t", {"perm": [0, 1, 3, 2]}), ("Neg", "t", "n", {}), ("Transpose", "n", "m", {"perm": [0, 1, 3, 2]}),
      ("Max", "m r", "y", {})], np.abs(X)),
    ([("Neg", "x", "n", {}), ("Tanh", "x", "t", {}), ("Min", "n x t", "y", {})], np.minimum(-np.abs(X), np.tanh(X))),
    ([("GlobalAveragePool", "x", "g", {}), ("Max", "x g", "y", {})], "values of equal shapes"),
    ([("GlobalAveragePool", "x", "g", {}), ("Flatten", "g", "v", {}), ("Neg", "v", "n", {}), ("Max", "v n", "m", {}), ("Unsqueeze", "m maps", "y", {})],
     np.abs(X.mean((1, 2), keepdims=True))),
    ([("Abs", "x", "y", {})], np.abs(X)),
    ([("Celu", "x", "y", {"alpha": 2.0})], np.where(X > 0, X, 2 * np.expm1(X / 2))),
    ([("Celu", "x", "y", {})], np.where(X > 0, X, np.expm1(X))),
    ([("Transpose", "x", "y", {"perm": [1, 0, 2, 3]})], r"transpose_node.*moves or mixes the pictures of a batch, axis 0"),
    ([("MatMul", "matrix vector", "v", {}), ("MatMul", "row v", "s", {}), ("Mul", "x s", "y", {})], 35 * X),
    ([("Concat", "x x", "y", {"axis": -1})], np.concatenate([X, X], 2)),
    ([("PRelu", "x slopes", "y", {})], np.where(X > 0, X, X * np.arange(60).reshape(3, 4, 5).transpose(1, 2, 0))),
])
def test_operators_of_attention_and_decoders(nodes, expected):
    from tests.files.onnx_hostile import model

    arrays = {"to": np.array([1, 3, 4, 5]), "sizes": np.array([1, 3, 7, 3]), "none": np.zeros(0, "f4"), "slopes": np.arange(60, dtype="f4").reshape(3, 4, 5),
              "repeats": np.array([1, 3, 1, 2]), "batches": np.array([2, 1, 1, 1]), "matrix": np.array([[1, 2], [3, 4]], "f4"),
              "vector": np.array([1, 2], "f4"), "row": np.array([[-4, 5]], "f4"),
              "bgr": np.array([2, 1, 0]), "two": np.array(2), "last": np.array(-1), "end": np.array([3]), "third": np.array([1 / 3], "f4"), "maps": np.array([2, 3])}
    data = model([*nodes, ("Flatten", "y", "f", {})], arrays, (1, 3, 4, 5), output="f").SerializeToString()
    if isinstance(expected, str):
        with pytest.raises(ta.InputError, match=expected):
            ta.load(data)
    else:
        assert np.allclose(ta.load(data)(X), expected.transpose(0, 3, 1, 2).reshape(2, -1), rtol=1e-5, atol=1e-5)


HALF_OF_X = {  # {where the half is: nodes of x * half * e}
    "outside": [("Mul", "x e", "p", {}), ("Mul", "half p", "y", {})],
    "at x": [("Mul", "x half", "p", {}), ("Mul", "p e", "y", {})],
    "at the sum": [("Mul", "half e", "p", {}), ("Mul", "x p", "y", {})],
}


@needs_onnx
@pytest.mark.parametrize("where", HALF_OF_X)
@pytest.mark.parametrize("inner", ["Tanh", "Erf"])
def test_a_gelu_is_one_op_wherever_its_half_is(where, inner):
    """PyTorch's two exporters, and people who write the formula, put the factor 1/2 at different places."""
    from tests.files.onnx_hostile import model

    start = {"Tanh": [("Pow", "x three", "a", {}), ("Mul", "a small", "b", {}), ("Add", "x b", "c", {}), ("Mul", "c wide", "d", {})],
             "Erf": [("Div", "x root", "d", {})]}[inner]
    arrays = {"three": np.array(3, "f4"), "small": np.array(0.044715, "f4"), "wide": np.array(np.sqrt(2 / np.pi), "f4"),
              "root": np.array(np.sqrt(2), "f4"), "one": np.array(1, "f4"), "half": np.array(0.5, "f4")}
    nodes = [*start, (inner, "d", "t", {}), ("Add", "t one", "e", {}), *HALF_OF_X[where], ("GlobalAveragePool", "y", "g", {}), ("Flatten", "g", "f", {})]
    layers = ta.load(model(nodes, arrays, (1, 3, 4, 5), output="f").SerializeToString()).layers
    assert [op for _, op, _ in layers] == ["gelu", "global_avg_pool"]
    assert layers[0][2] == ({"approximate": True} if inner == "Tanh" else {})


@needs_onnx
@pytest.mark.parametrize("before", [[], [("Pad", "p", "p0", {"pads": [0] * 10})]])
def test_a_local_response_normalisation_may_pad_twice(before):
    """At opset 9, PyTorch writes a second Pad, by 0, before the AveragePool."""
    from tests.files.onnx_hostile import model

    arrays = {"maps": np.array([1, 1, 3, 4, 5]), "alpha": np.array(0.2, "f4"), "bias": np.array(1.5, "f4"), "beta": np.array(0.6, "f4")}
    nodes = [("Mul", "x x", "s", {}), ("Reshape", "s maps", "r", {}), ("Pad", "r", "p", {"pads": [0, 0, 1, 0, 0, 0, 0, 1, 0, 0]}), *before,
             ("AveragePool", "p0" if before else "p", "a", {"kernel_shape": [3, 1, 1]}), ("Squeeze", "a", "q", {"axes": [1]}), ("Mul", "q alpha", "m", {}),
             ("Add", "m bias", "b", {}), ("Pow", "b beta", "w", {}), ("Div", "x w", "y", {}), ("Flatten", "y", "f", {})]
    net = ta.load(model(nodes, arrays, (1, 3, 4, 5), output="f", opset=9).SerializeToString())
    assert net.layers[0][1:] == ("lrn", {"size": 3, "alpha": 0.2, "beta": 0.6, "bias": 1.5})
    around = np.pad(X**2, ((0, 0),) * 3 + ((1, 1),))
    expected = X / (1.5 + 0.2 * (around[..., :-2] + around[..., 1:-1] + around[..., 2:]) / 3) ** 0.6
    assert np.allclose(net(X), expected.transpose(0, 3, 1, 2).reshape(2, -1), rtol=1e-5)


@needs_onnx
def test_numbers_are_those_before_the_export():
    """The file has float32: 0.16666667163 for 1/6, and -0.20000000298 for -0.2, as attributes or as inputs."""
    from tests.files.onnx_hostile import model

    nodes = [("HardSigmoid", "x", "a", {"alpha": 1 / 6}), ("LeakyRelu", "a", "b", {"alpha": 0.1}), ("Elu", "b", "c", {"alpha": 0.7}),
             ("Clip", "c low high", "d", {}), ("GlobalAveragePool", "d", "g", {}), ("Flatten", "g", "f", {})]
    arrays = {"low": np.array(-0.2, "f4"), "high": np.array([-1 / 9], "f4")}
    layers = ta.load(model(nodes, arrays, (1, 3, 4, 5), output="f").SerializeToString()).layers
    numbers = [number for _, _, own in layers for number in own.values()]
    assert numbers == [1 / 6, 0.5, 0.1, 0.7, -0.2, -1 / 9]


@needs_onnx
def test_one_number_for_a_picture_may_come_without_an_axis():
    """Binary networks of PyTorch often end in squeeze(1), then a sigmoid."""
    from tests.files.onnx_hostile import model

    nodes = [("GlobalAveragePool", "x", "g", {}), ("Flatten", "g", "f", {}), ("Gemm", "f w", "d", {}), ("Squeeze", "d one", "q", {}), ("Sigmoid", "q", "y", {})]
    net = ta.load(model(nodes, {"w": np.array([[1], [2], [3]], "f4"), "one": np.array([1])}, (1, 3, 4, 5)).SerializeToString())
    assert np.allclose(net(X)[:, 1], X.mean((1, 2)) @ [1, 2, 3], rtol=1e-5)
    assert "Sigmoid is removed" in net.source


def test_without_the_package_one_line_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x08\x07\x12\x07pytorch\x1a\x062.14.1")
    with pytest.raises(ta.InputError, match=r"'net.onnx': .*pip install onnx$"):
        ta.load(path)


def test_first_bytes():
    assert onnx_start(b"\x08\x07\x12\x07pytorch")
    assert onnx_start(b"\x08\x0a:")
    for other in (b"", b"\x08\x07", b"PK\3\4", b"\x89HDF\r\n", b"\x80\x02\x8a", b"\x08\x00\x00\x00\x00\x00\x00\x00{", b"<html>"):
        assert not onnx_start(other)


@pytest.mark.parametrize(("given_", "expected"), [
    ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1.Conv"), ("/f/f.3/f/f.0/Conv", "f.3.f.0.Conv"), ("node_relu", "node_relu"),
    ("", "layer"), ("///", "layer"), ("a\nb\x1b", "a_b_"), ("x" * 500, "x" * 100),
])
def test_names_as_people_type_them(given_, expected):
    assert readable(given_) == expected


def test_names_are_unique_and_those_of_no_op():
    net = Builder(np.dtype("f4"))
    assert [net.named(name) for name in ("relu", "a", "a", "input", "relu")] == ["relu_2", "a", "a_2", "input_2", "relu_3"]


@given(st.data())
def test_values_that_are_moved(data):
    """Reshape, transpose, arrange: our layers give what NumPy gives, whatever was absorbed on the way."""
    n, ours = 2, tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=3, max_size=3)))
    x = np.random.default_rng(0).normal(size=(n, *ours))
    net = Builder(np.dtype(float))
    value, expected = channels_first("input", ours, n), x.transpose(0, 3, 1, 2)
    for _ in range(data.draw(st.integers(1, 2))):
        shape = data.draw(st.sampled_from(_shapes(expected[0].size)))
        axes = data.draw(st.permutations(range(1, len(shape) + 1)))
        value = value.moved(value.numbered().reshape(n, *shape).transpose(0, *axes))
        expected = expected.reshape(n, *shape).transpose(0, *axes)
    order = data.draw(st.permutations(range(1, expected.ndim)))
    try:
        layer = net.arranged(value, *order)
    except ta.InputError:  # two reshapes may cut axes that do not fit each other; numbers are then no transposition
        numbers = value.numbered().transpose(0, *order)[0].ravel()
        lengths, strides = factors(numbers)
        assert np.prod(lengths) != numbers.size or sorted(strides)[0] != 1 or _overlap(lengths, strides)
        return
    tape = Tape()
    tape.leaf("input", x)
    for name, op, inputs, attributes in net.layers:
        tape.write(op, name, inputs, **attributes)
    assert np.array_equal(tape[layer].output, expected.transpose(0, *order))


def _overlap(lengths, strides):
    """Whether axes of these lengths and strides are not those of one array, each stride what lies inside of it."""
    inner = 1
    for stride, n in sorted(zip(strides, lengths, strict=True)):
        if stride != inner:
            return True
        inner *= n
    return False


def _shapes(size):
    """All shapes of at most three axes."""
    return [(a, b, size // (a * b)) for a in range(1, size + 1) for b in range(1, size + 1) if size % (a * b) == 0] + [(size,)]


@given(st.data())
def test_axes_along_which_numbers_count(data):
    sizes = data.draw(st.lists(st.integers(2, 4), min_size=1, max_size=4))
    axes = data.draw(st.permutations(range(len(sizes))))
    order = np.arange(np.prod(sizes)).reshape(sizes).transpose(axes).ravel()
    lengths, strides = factors(order)
    counted = sum(np.multiply.outer(np.ones(lengths[:k], int), np.multiply.outer(np.arange(n) * s, np.ones(lengths[k + 1:], int)))
                  for k, (n, s) in enumerate(zip(lengths, strides, strict=True)))
    assert np.array_equal(counted.ravel(), order)


@pytest.mark.skipif(not ONNX or not importlib.util.find_spec("torch"), reason="torch or onnx is not installed")
def test_the_lines_of_the_page_for_pytorch(tmp_path, monkeypatch):
    """They run as they stand, on a small network of PyTorch's."""
    import torch

    page = (PAGES / "weights.md").read_text(encoding="utf-8")
    lines = re.search(r"```py\n(torch\.onnx\.export.*?)```", page, re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 4))
    names = {"torch": torch, "model": model.eval(), "ta": ta, "x": np.random.default_rng(0).random((1, 224, 224, 3), np.float32)}
    exec(lines, names)
    with torch.no_grad():
        z = model(torch.from_numpy(names["x"].transpose(0, 3, 1, 2)))
    assert np.allclose(names["net"](names["x"]), z.numpy(), atol=1e-4)
    assert names["heat"].map.shape[:2] == (224, 224)
