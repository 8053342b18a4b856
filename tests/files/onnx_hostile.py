"""ONNX files that mean harm or were harmed, and what to say to each. They are made with the package onnx.

python -m tests.files.onnx_hostile FOLDER     loads every .onnx file of a folder; prints [file, error, megabytes, seconds]
"""

import json
import signal
import sys
import time
from pathlib import Path

import numpy as np

import tinyattr as ta
from tests.files.hostile import SECONDS, peak
from tinyattr.files.onnx.file import MOST_NODES

FLOAT, INT = 1, 7


def model(nodes, arrays=(), picture=(1, 3, 8, 8), output="y", opset=13, **more):
    """A ModelProto; nodes: (operator, inputs, outputs, attributes); arrays: {name: array} or TensorProtos."""
    from onnx import helper, numpy_helper

    arrays = [numpy_helper.from_array(a, name) for name, a in arrays.items()] if isinstance(arrays, dict) else list(arrays)
    nodes = [n if hasattr(n, "op_type") else helper.make_node(n[0], n[1].split(), n[2].split(), name=n[0].lower() + "_node", **n[3]) for n in nodes]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", FLOAT, picture)],
                              [helper.make_tensor_value_info(output, FLOAT, None)], arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **more)


HEAD = ("GlobalAveragePool", "x", "p", {}), ("Flatten", "p", "f", {}), ("Gemm", "f w", "y", {})
W = np.ones((3, 4), "f4")
BYTES = W.tobytes()


def plain():
    """A small network that loads."""
    return model(HEAD, {"w": W})


def tensor(name="w", dims=(3, 4), kind=FLOAT, raw=BYTES, **external):
    """A TensorProto that says what it likes."""
    from onnx import TensorProto

    t = TensorProto(name=name, dims=dims, data_type=kind)
    if external:
        t.data_location = TensorProto.EXTERNAL
        for key, value in external.items():
            t.external_data.add(key=key, value=str(value))
    elif raw is not None:
        t.raw_data = raw
    return t


def weights(**about):
    """The small network with such a tensor for its weights."""
    return model(HEAD, [tensor(**about)])


def computed(*nodes, arrays=None):
    """A network whose weights are computed at loading."""
    return model([*nodes, *HEAD], arrays or {})


def branch(operator):
    """A node with a subgraph."""
    from onnx import helper

    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["z"])], "b", [], [helper.make_tensor_value_info("z", FLOAT, None)])
    names = {"If": {"then_branch": inner, "else_branch": inner}, "Loop": {"body": inner}, "Scan": {"body": inner, "num_scan_inputs": 1}}
    return model([helper.make_node(operator, ["c"] if operator == "If" else ["c", "c"], ["x2"], "branch", **names[operator]),
                  ("GlobalAveragePool", "x2", "p", {}), *HEAD[1:]], {"w": W, "c": np.array([True])})


def functions():
    """A model whose node is a function of its own that calls itself."""
    from onnx import helper

    made = model([*HEAD], {"w": W})
    made.functions.append(helper.make_function("own", "F", ["a"], ["b"], [helper.make_node("F", ["a"], ["b"], domain="own")],
                                               [helper.make_opsetid("own", 1)]))
    return made


def const(name, *numbers):
    """A node that makes a list of whole numbers."""
    from onnx import helper

    return helper.make_node("Constant", [], [name], name, value_ints=list(numbers))


def files():
    """{name: (bytes, words of the error)}."""
    whole, far = plain().SerializeToString(), (1 << 31, 1 << 31)
    chain = [("Relu", "x" if i == 0 else f"r{i}", f"r{i + 1}", {}) for i in range(10_000)]
    doubled = [("Add", "a a" if i == 0 else f"b{i} b{i}", f"b{i + 1}", {}) for i in range(100)]
    grown = [("Concat", "a a" if i == 0 else f"b{i} b{i}", f"b{i + 1}", {"axis": 0}) for i in range(60)]
    to, turn, wide = np.array([1, 3, 1600, 1600]), {"perm": [0, 1, 3, 2]}, (1, 3, 1600, 1600)
    copies = [[("Transpose", f"c{i}", f"a{i}", turn), ("Flatten", f"a{i}", f"b{i}", {}), ("Reshape", f"b{i} to", f"c{i + 1}", {})] for i in range(30)]
    moves = [node for three in copies for node in three]
    turned = [("Transpose", f"t{i}", f"t{i + 1}", turn) for i in range(7000)]
    arranged = [node for i in range(3000) for node in (("Relu", "t", f"r{i}", {}), ("MaxPool", f"r{i}", f"p{i}", {"kernel_shape": [1, 1]}))]
    compared = [("Transpose", "x", "t", turn), ("Transpose", "x", "u", turn), *(("Add", f"{'t' if i == 0 else f's{i}'} u", f"s{i + 1}", {}) for i in range(3000))]
    made = {
        "values that move 90 times": (model([("Identity", "x", "c0", {}), *moves, ("Flatten", "c30", "y", {})], {"to": to}, wide), "would move more than 41,943,040"),
        "values that move 7,000 times": (model([("Identity", "x", "t0", {}), *turned, ("Flatten", "t7000", "y", {})], {}, (1, 3, 512, 512)), "would move more than"),
        "3,000 values at other places": (model([("Transpose", "x", "t", turn), *arranged, ("Sum", " ".join(f"p{i}" for i in range(3000)), "y", {})], {}, wide),
                                         "would move more than"),
        "sums of values at other places": (model([*compared, ("Flatten", "s3000", "y", {})], {}, wide), "would move more than"),
        "large picture with channels last": (model([("GlobalAveragePool", "x", "y", {})], {}, (1, 8000, 8000, 3)), "at most 8,388,608 numbers"),
        "many pictures": (model([("GlobalAveragePool", "x", "g", {}), ("Flatten", "g", "y", {})], {}, (1 << 22, 3, 1, 1)), "at most 8,388,608 numbers"),
        "constants that move 90 times": (model([("ConstantOfShape", "to", "z", {}), ("Add", "z z", "c0", {}), *moves, ("Add", "x c30", "s", {}), ("GlobalAveragePool", "s", "y", {})], {"to": to}, wide),
                                         "move its constants several times"),
        "absolute path": (weights(location="/etc/passwd"), "files in this folder or below"),
        "path upwards": (weights(location="../secret.data"), "files in this folder or below"),
        "path upwards from below": (weights(location="sub/../../secret.data"), "files in this folder or below"),
        "path of Windows": (weights(location="C:\\secret.data"), "files in this folder or below"),
        "path upwards of Windows": (weights(location="..\\secret.data"), "files in this folder or below"),
        "link": (weights(location="link.data"), "is a link"),
        "link to a folder": (weights(location="folder/secret.data"), "is a link"),
        "missing file": (weights(location="nowhere.data"), "which is missing"),
        "folder for a file": (weights(location="."), "files in this folder or below|which is missing"),
        "no location": (weights(offset=0), "files in this folder or below"),
        "external beyond the end": (weights(location="real.data", offset=40), "needs 48 bytes from 40"),
        "external, negative offset": (weights(location="real.data", offset=-48), "needs 48 bytes from -48"),
        "external, another length": (weights(location="real.data", length=47), "or the lengths do not agree"),
        "external, offset that is no number": (weights(location="real.data", offset="x"), "invalid literal"),
        "external of 2^62": (weights(dims=far, location="real.data"), "which has 48"),
        "array of 2^62": (weights(dims=far), "48 bytes; its shape"),
        "array larger than its bytes": (weights(dims=(3, 5)), "48 bytes; its shape"),
        "negative sizes": (weights(dims=(-3, -4)), "makes no sense"),
        "one negative size": (weights(dims=(-1, 4)), "makes no sense"),
        "many axes": (weights(dims=(1,) * 10_000), "makes no sense"),
        "array of texts": (weights(kind=8), "numbers of type 8"),
        "array of an unknown type": (weights(kind=99), "numbers of type 99"),
        "NaN": (weights(raw=np.full(12, np.nan, "f4").tobytes()), "NaN or infinity"),
        "two arrays of one name": (model(HEAD, [tensor(), tensor()]), "two arrays called"),
        "cycle": (model([("Relu", "b", "a", {}), ("Relu", "a", "b", {}), ("Flatten", "b", "f", {}), HEAD[2]], {"w": W}), "form a circle"),
        "cycle of moves": (model([("Identity", "y", "b", {}), ("Identity", "b", "y", {})]), "form a circle"),
        "node that reads itself": (model([("Relu", "y", "y", {})]), "form a circle"),
        "reads what nobody makes": (model([("Relu", "q", "y", {})]), "made nowhere"),
        "output that nobody makes": (model(HEAD, {"w": W}, output="q"), "made nowhere"),
        "value made twice": (model([*HEAD, ("Relu", "x", "y", {})], {"w": W}), "two nodes make"),
        "10,000 nodes": (model(chain, output="r10000"), f"the limit is {MOST_NODES:,}"),
        "If": (branch("If"), "branch.*If"), "Loop": (branch("Loop"), "branch.*Loop"), "Scan": (branch("Scan"), "branch.*Scan"),
        "functions": (functions(), "its own functions"),
        "another domain": (model([("Relu", "x", "y", {"domain": "com.example"})]), "not ONNX's own"),
        "unknown operator": (model([("Launch", "x", "y", {})]), "launch_node.*Launch"),
        "opset 5": (model(HEAD, {"w": W}, opset=5), "opset 5"),
        "opset 10,000": (model(HEAD, {"w": W}, opset=10_000), "pip install --upgrade onnx"),
        "picture of 2^60": (model(HEAD, {"w": W}, (1, 3, 1 << 30, 1 << 30)), "makes no sense"),
        "batch of 2^60": (model(HEAD, {"w": W}, (1 << 60, 3, 8, 8)), "makes no sense"),
        "negative picture": (model(HEAD, {"w": W}, (1, 3, -8, -8)), "makes no sense"),
        "picture of open size": (model(HEAD, {"w": W}, (1, 3, None, None)), "--size"),
        "no picture": (model(HEAD, {"w": W, "x": np.ones((1, 3, 8, 8), "f4")}), "0 inputs"),
        "convolution of 2^40 zeros": (model([("Conv", "x w", "c", {"pads": [1 << 40] * 4}), ("GlobalAveragePool", "c", "y", {})],
                                            {"w": np.ones((2, 3, 3, 3), "f4")}), "at most"),
        "padding of 2^40": (model([("Pad", "x w", "c", {}), ("GlobalAveragePool", "c", "y", {})],
                                  {"w": np.array([0, 0, 0, 0, 0, 0, 1 << 40, 1 << 40])}), "at most"),
        "upsampling by 2^20": (model([("Upsample", "x", "c", {"scales": [1.0, 1, 1 << 20, 1 << 20]}), ("GlobalAveragePool", "c", "y", {})],
                                     opset=7), "at most"),
        "kernel of no size": (model([("Conv", "x w", "c", {}), ("GlobalAveragePool", "c", "y", {})], {"w": np.ones((2, 3, 0, 3), "f4")}),
                              "expected weights with 4 axes"),
        "stride 0": (model([("MaxPool", "x", "c", {"kernel_shape": [2, 2], "strides": [0, 0]}), ("GlobalAveragePool", "c", "y", {})]),
                     "at least 1"),
        "0 groups": (model([("Conv", "x w", "c", {"group": 0}), ("GlobalAveragePool", "c", "y", {})], {"w": np.ones((2, 3, 3, 3), "f4")}),
                     "0 groups"),
        "ConstantOfShape of 2^62": (computed(const("s", *far), ("ConstantOfShape", "s", "w", {})), "200,000,000"),
        "ConstantOfShape, negative": (computed(const("s", -3, 4), ("ConstantOfShape", "s", "w", {})), "200,000,000|makes no sense|negative"),
        "ConstantOfShape turned": (computed(const("s", 10_000, 10_000), ("ConstantOfShape", "s", "v", {}), ("Transpose", "v", "w", {})),
                                   "more than 8,388,608 constants"),
        "ConstantOfShape added": (computed(const("s", 10_000, 10_000), ("ConstantOfShape", "s", "v", {}), ("Add", "v v", "w", {})),
                                  "more than 8,388,608 constants"),
        "Expand to 2^60": (computed(const("s", 1 << 30, 1 << 30), ("Expand", "a s", "w", {}), arrays={"a": np.ones((1, 1), "f4")}), "gemm_node|expand_node"),
        "picture expanded to 2^60": (model([("Mul", "x one", "m", {}), ("Expand", "m s", "e", {}), ("GlobalAveragePool", "e", "y", {})],
                                           {"one": np.ones((1, 3, 1, 1), "f4"), "s": np.array([1, 1 << 60, 8, 8])}), "expand_node"),
        "one map expanded to 2^40": (model([("ReduceMean", "x", "m", {"axes": [1]}), ("Expand", "m s", "e", {}), ("GlobalAveragePool", "e", "y", {})],
                                           {"s": np.array([1, 1 << 34, 8, 8])}), "expand_node.*too many numbers"),
        "Range of 2^60": (computed(("Range", "a b c", "w", {}), arrays={"a": np.array(0), "b": np.array(1 << 60), "c": np.array(1)}), "it counts"),
        "Range that stands still": (computed(("Range", "a b c", "w", {}), arrays={"a": np.array(0), "b": np.array(9), "c": np.array(0)}), "range_node"),
        "outer product of 10^10": (computed(("Mul", "a b", "w", {}), arrays={"a": np.ones((100_000, 1), "f4"), "b": np.ones((1, 100_000), "f4")}),
                                   "more than 8,388,608 constants"),
        "Gather of 10^10": (computed(("Gather", "a i", "w", {}), arrays={"a": np.ones((1, 100_000), "f4"), "i": np.zeros(100_000, int)}),
                            "more than 8,388,608 constants"),
        "array that doubles 60 times": (model([*grown, *HEAD[:2], ("Gemm", "f b60", "y", {})], {"a": W}), "more than 8,388,608 constants"),
        "number that doubles 100 times": (model([*doubled, *HEAD[:2], ("Gemm", "f b100", "y", {})], {"a": W}), "loaded"),
        "number beyond all floats": (model([("Exp", "a", "w", {}), *HEAD], {"a": np.full((3, 4), 1e30, "f4")}), "NaN or infinity"),
        "softmax inside": (model([("Softmax", "x", "s", {"axis": 1}), ("GlobalAveragePool", "s", "y", {})]), "softmax_node"),
        "many sigmoids": (model([*HEAD[:2], ("Sigmoid", "f", "y", {})]), "3 separate sigmoids"),
        "name with a terminal's commands": (model([("Launch\x1b[2J", "x", "y", {})]), "Launch"),
        "long names": (model([("L" * 100_000, "x", "y", {})]), "LLL"),
    }
    made = {name: (m.SerializeToString(), words) for name, (m, words) in made.items()}
    nested = b""
    for _ in range(2000):  # a graph in an attribute of a node of a graph ...: 2,000 deep
        node = b"\x2a" + _length(b"\x32" + _length(nested))
        nested = b"\x0a" + _length(node)
    made["graphs nested 2,000 deep"] = (b"\x08\x07\x3a" + _length(nested), "damaged|opset")
    made["truncated"] = (whole[:len(whole) // 2], "damaged")
    made["cut in its last array"] = (whole[:-3], "damaged")
    made["length of 2^63"] = (b"\x08\x07\x3a" + b"\xff" * 9 + b"\x7f", "damaged")
    made["two bytes"] = (b"\x08\x07", "not a weight file")
    made["three bytes"] = (b"\x08\x07\x3a", "damaged")
    made["empty"] = (b"", "empty file")
    made["a text"] = (b"not a network at all", "not a weight file")
    return made


def _length(data):
    """A field of protobuf: its length in sevens of bits, then its bytes."""
    n, head = len(data), bytearray()
    while n > 127:
        head.append(n & 127 | 128)
        n >>= 7
    return bytes([*head, n]) + data


def write(folder):
    """All files, and what they lead to. Returns their names and the words of their errors."""
    made = files()
    (folder.parent / "secret.data").write_bytes(W.tobytes())
    (folder / "real.data").write_bytes(W.tobytes())
    (folder / "link.data").symlink_to(folder.parent / "secret.data")
    (folder / "folder").symlink_to(folder.parent)
    for i, (content, _) in enumerate(made.values()):
        (folder / f"{i:03}.onnx").write_bytes(content)
    return {name: words for name, (_, words) in made.items()}


def main(folder):
    (Path(folder) / "warm.onnx").write_bytes(plain().SerializeToString())
    before = ta.load(Path(folder) / "warm.onnx") and peak()  # everything imported
    for path in sorted(Path(folder).glob("[0-9]*.onnx")):
        signal.alarm(SECONDS)
        start = time.perf_counter()
        try:
            ta.load(path)
            found = "loaded"
        except ta.InputError as error:
            found = str(error)
        print(json.dumps([path.name, found, peak() - before, time.perf_counter() - start]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
