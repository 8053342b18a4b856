"""Read nodes, arrays and the picture of an ONNX file. The package `onnx` parses it; we check what the file claims.

Arrays may be in a second file, in the same folder or below. The path to it must be relative, without ".." and links.
"""

import os
from dataclasses import dataclass
from math import prod
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np

from tinyattr.errors import InputError

MOST_NODES = 8000  # DenseNet-121 has 1,746 nodes if it has a node for each constant
MOST_AXES = 8
EARLIEST_OPSET = 6
DTYPES = {  # {ONNX's number of a type: (dtype, the field that holds such numbers if they are not raw bytes)}
    1: ("<f4", "float_data"), 2: ("u1", "int32_data"), 3: ("i1", "int32_data"), 5: ("<i2", "int32_data"),
    6: ("<i4", "int32_data"), 7: ("<i8", "int64_data"), 9: ("?", "int32_data"), 10: ("<f2", "int32_data"),
    11: ("<f8", "double_data"),
}
FLOATS = (1, 10, 11, 16)  # ONNX's numbers of the types that are floats
EXTERNAL = 1  # TensorProto.EXTERNAL
TAGS = b"\x12\x1a\x22\x28\x32\x3a\x42"  # fields that may follow the version: producer, domain, graph, opsets ...


@dataclass(frozen=True)
class Node:
    """A Node has an operator, a name for messages, names of values that it reads ("": none) and makes, attributes."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict


@dataclass(frozen=True)
class Graph:
    """A Graph has the nodes in the file's order. constants: {value: array}. picture: name of the value that is the
    picture. shape: its sizes, None for a size that is open. double: whether numbers are float64.
    """

    nodes: list[Node]
    constants: dict[str, np.ndarray]
    picture: str
    shape: tuple[int | None, ...]
    output: str
    opset: int
    name: str = ""
    made_by: str = ""
    double: bool = False


def onnx_start(head):
    """Return True if a file starts as ONNX files do: with field 1, a version below 128, and then another field.

    ONNX files have the format Protobuf, which has no magic number. But all writers write the fields in this order.
    """
    return len(head) > 2 and head[0] == 0x08 and 0 < head[1] < 128 and head[2] in TAGS


def read_graph(data, folder):
    """Return the Graph of an ONNX file's bytes. folder: the folder of the file, or None.

    Raises InputError for a damaged file, and for content that is not supported.
    """
    model, newest = _parsed(data)
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if not EARLIEST_OPSET <= opset <= newest:
        what = "pip install --upgrade onnx" if opset > newest else "export it again, or use onnx.version_converter"
        raise InputError(f"it is written for opset {opset}; supported are {EARLIEST_OPSET} to {newest}: {what}")
    if model.functions:
        raise InputError(f"it calls its own functions, such as {model.functions[0].name!r:.60}; replace them by their "
                         "nodes with onnx.inliner.inline_local_functions, and save it again")
    g = model.graph
    if g.sparse_initializer:
        raise InputError("it holds sparse arrays, which are not supported")
    constants = {}
    for tensor in g.initializer:
        if tensor.name in constants:
            raise InputError(f"it holds two arrays called {tensor.name!r:.60}")
        constants[tensor.name] = array_of(tensor, folder)
    pictures = [value for value in g.input if value.name not in constants]
    if len(pictures) != 1 or len(g.output) != 1:
        names = [value.name[:30] for value in (*pictures, *g.output)][:8]
        raise InputError(f"it has {len(pictures)} inputs and {len(g.output)} outputs ({', '.join(names)}); expected "
                         "one picture and one output with a number for each class")
    tensor = pictures[0].type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value else None for d in tensor.shape.dim)
    return Graph(nodes_of(g, folder), constants, pictures[0].name, shape, g.output[0].name, opset, g.name,
                 f"{model.producer_name} {model.producer_version}".strip(), tensor.elem_type == 11)


def _parsed(data):
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise InputError("reading an ONNX file needs the package onnx: pip install onnx") from None
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise InputError(f"it is damaged, or not an ONNX file: {error}") from None
    return model, onnx.defs.onnx_opset_version()


def nodes_of(graph, folder):
    """Return the nodes of a graph or subgraph. Raises InputError for too many nodes, or a node of another domain."""
    if len(graph.node) > MOST_NODES:
        raise InputError(f"it has {len(graph.node):,} nodes; the limit is {MOST_NODES:,}")
    for node in graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise InputError(f"node {node.name[:60]!r} is {node.op_type:.40} of {node.domain!r:.40}, which is not "
                             "ONNX's own")
    return [Node(n.op_type, n.name or n.output[0], tuple(n.input), tuple(n.output),
                 {a.name: _attribute(a, folder) for a in n.attribute}) for n in graph.node if n.output]


def _attribute(a, folder):
    """Return an attribute: a number, a text, a list of numbers, an array, or an unchanged subgraph."""
    kind = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings"}.get(a.type)
    if kind is None:
        raise InputError(f"attribute {a.name!r:.40} has a type that is not supported")
    value = getattr(a, kind)
    if kind in ("floats", "ints", "strings"):
        return list(value)
    if kind == "f":
        return before_export(np.float32(value))
    return array_of(value, folder) if kind == "t" else value.decode() if kind == "s" else value


def before_export(number):
    """Return the number that an exporter has rounded to float32: 0.10000000149 was 0.1, and 0.16666667163 was 1/6.

    It is 1/n if n is at most 1,000 and the float32 is that of 1/n, else the shortest decimal that has this float32.
    """
    number = np.asarray(number).reshape(())[()]
    if number.dtype == np.float64:
        return float(number)
    n = round(1 / float(number)) if 1e-3 <= abs(number) < 1 else 0
    return 1 / n if n and np.float32(1 / n) == np.float32(number) else float(str(np.float32(number)))


def array_of(tensor, folder):
    """Return the numbers of a tensor in the file. Raises InputError if its shape does not fit the number of bytes."""
    shape, name = tuple(tensor.dims), tensor.name[:60]
    if tensor.data_type not in DTYPES:
        raise InputError(f"array {name!r} holds numbers of type {tensor.data_type}; supported are floats, integers and "
                         "booleans")
    if len(shape) > MOST_AXES or min(shape, default=0) < 0:
        raise InputError(f"array {name!r} has a shape that makes no sense: {shape[:MOST_AXES]}")
    dtype, where = DTYPES[tensor.data_type]
    dtype, count = np.dtype(dtype), prod(shape)
    if tensor.data_location == EXTERNAL:
        data = _external(tensor, folder, count * dtype.itemsize)
    elif tensor.HasField("raw_data"):
        data = tensor.raw_data
    else:
        numbers = getattr(tensor, where)
        stored = np.uint16 if tensor.data_type == 10 else dtype  # a float16 is stored by its bits
        data = np.array(numbers, stored).tobytes() if len(numbers) == count else b""
    if len(data) != count * dtype.itemsize:
        raise InputError(f"array {name!r} has {len(data):,} bytes; its shape {shape} needs {count * dtype.itemsize:,}")
    return np.frombuffer(data, dtype).reshape(shape)


def _external(tensor, folder, length):
    """Return `length` bytes of another file. Raises InputError for a path outside the folder, a link, missing bytes."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location, offset = entries.get("location", ""), int(entries.get("offset", 0))
    inside = PurePosixPath(location)
    windows = PureWindowsPath(location)
    if not location or inside.is_absolute() or windows.drive or windows.root or ".." in (*inside.parts, *windows.parts):
        raise InputError(f"array {tensor.name[:60]!r} is in {location[:60]!r}; files in this folder or below are "
                         "supported")
    if folder is None:
        raise InputError(f"its arrays are in {location[:60]!r}; give the path of the file, not its content")
    path = folder.joinpath(*inside.parts)
    if any(folder.joinpath(*inside.parts[:i + 1]).is_symlink() for i in range(len(inside.parts))):
        raise InputError(f"{location[:60]!r}, which holds its arrays, is a link; copy the file itself there")
    if not path.is_file():
        raise InputError(f"its arrays are in {location[:60]!r}, which is missing; keep the two files in one folder")
    if offset < 0 or offset + length > path.stat().st_size or int(entries.get("length", length)) != length:
        raise InputError(f"array {tensor.name[:60]!r} needs {length:,} bytes from {offset:,} of {location[:60]!r}, "
                         f"which has {path.stat().st_size:,}, or the lengths do not agree")
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
        file.seek(offset)
        return file.read(length)
