"""PyTorch's files from NumPy arrays, byte by byte, so that every byte can be made wrong."""

import json
import struct
import zipfile

import numpy as np

from tinyattr.files.pth import LEGACY_START

STORAGE = {"f2": "HalfStorage", "f4": "FloatStorage", "f8": "DoubleStorage", "i8": "LongStorage"}
PROTOCOL = b"\x80\x02"


def text(s):
    return b"X" + struct.pack("<I", len(s.encode())) + s.encode()


def number(n):
    return b"J" + struct.pack("<i", n) if abs(n) < 1 << 31 else b"\x8a\x08" + struct.pack("<q", n)


def numbers(ns):
    return b"(" + b"".join(map(number, ns)) + b"t"


def tensor(key, dtype, count, shape, strides, offset=0, legacy=False):
    """The instructions that describe a tensor."""
    storage = b"(" + text("storage") + f"ctorch\n{STORAGE[dtype]}\n".encode() + text(key) + text("cpu") + number(count)
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + (b"N" if legacy else b"") + b"tQ" + number(offset)
            + numbers(shape) + numbers(strides) + b"\x89ccollections\nOrderedDict\n)RtR")


def strides_of(array):
    return [s // array.itemsize for s in np.empty(array.shape, array.dtype).strides]


def state_dict(arrays, legacy=False, **changes):
    """The pickle of {name: array}, storage by storage; changes: {name: the instructions to put instead}."""
    pickle = PROTOCOL + b"ccollections\nOrderedDict\n)R("
    for i, (name, array) in enumerate(arrays.items()):
        whole = tensor(str(i), array.dtype.str[1:], array.size, array.shape, strides_of(array), legacy=legacy)
        pickle += text(name) + changes.get(name, whole)
    return pickle + b"u."


def legacy(arrays, pickle=None):
    """A legacy stream."""
    keys = PROTOCOL + b"](" + b"".join(text(str(i)) for i in range(len(arrays))) + b"e."
    system = PROTOCOL + b"}(" + text("protocol_version") + number(1001) + text("little_endian") + b"\x88u."
    data = b"".join(struct.pack("<q", a.size) + np.ascontiguousarray(a).tobytes() for a in arrays.values())
    return LEGACY_START + b"." + PROTOCOL + number(1001) + b"." + system + (pickle or state_dict(arrays, True)) + keys + data


def zipped(path, arrays, pickle=None, byteorder=b"little", **options):
    """The zip form, at a path."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        archive.writestr("archive/data.pkl", pickle or state_dict(arrays))
        archive.writestr("archive/byteorder", byteorder)
        for i, array in enumerate(arrays.values()):
            archive.writestr(f"archive/data/{i}", np.ascontiguousarray(array).tobytes())
    return path


def safetensors(arrays, **entries):
    """The .safetensors form; entries: {name: what the header says of it instead}."""
    header, data = {}, b""
    for name, array in arrays.items():
        kind = {"f": "F", "i": "I"}[array.dtype.kind] + str(8 * array.itemsize)
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(data), len(data) + array.nbytes]}
        data += np.ascontiguousarray(array).tobytes()
    text = json.dumps({**header, **entries}).encode()
    return struct.pack("<Q", len(text)) + text + data


def torch_state(net):
    """{torchvision's name: array} of a VGG of ours: axes (out, in, h, w) and (out, in), a flattened map as C, H, W."""
    state, position, channels = {}, {}, None
    convolutions = [name for name, op, _ in net.layers if op in ("conv2d", "relu", "max_pool")]
    for i, name in enumerate(convolutions):
        position[name] = f"features.{i}"
    position |= {"fc1": "classifier.0", "fc2": "classifier.3", "predictions": "classifier.6"}
    for name, (kernel, bias) in net.weights.items():
        if kernel.ndim == 4:
            channels, weight = kernel.shape[-1], kernel.transpose(3, 2, 0, 1)
        elif name == "fc1":
            side = round((kernel.shape[0] / channels) ** 0.5)
            weight = kernel.reshape(side, side, channels, -1).transpose(3, 2, 0, 1).reshape(kernel.shape[1], -1)
        else:
            weight = kernel.T
        state[f"{position[name]}.weight"], state[f"{position[name]}.bias"] = np.ascontiguousarray(weight), bias
    return state
