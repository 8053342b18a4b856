"""Read and write .safetensors files: first the header's length (uint64), then the header (JSON), then the numbers.

The header is {name: {"dtype", "shape", "data_offsets": [begin, end]}}. Offsets count bytes from the header's end.
"""

import json
from math import prod

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.atomic import atomic
from tinyattr.files.tensor import DTYPES, MOST_AXES, Tensor, bytes_of, contiguous
from tinyattr.files.window import Window

LARGEST_HEADER = 1 << 17  # bytes; 52 tensors need 5,000


def safetensors_start(head):
    """Return True if a file that starts with these nine bytes can be a .safetensors file."""
    return len(head) >= 9 and int.from_bytes(head[:8], "little") <= LARGEST_HEADER and head[8:9] == b"{"


def safetensors(file, size):
    """Return {name: Tensor} of a file of `size` bytes. Raises InputError if the numbers overlap or leave gaps."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length), object_pairs_hook=_without_repeats)
    header.pop("__metadata__", None)
    tensors, ends = {}, []
    for name, entry in header.items():
        (begin, end), shape = entry["data_offsets"], entry["shape"]
        if entry["dtype"] not in DTYPES:
            raise InputError(f"{name[:40]!r} in it has dtype {entry['dtype']!r:.20}; supported: {', '.join(DTYPES)}")
        if len(shape) > MOST_AXES or any(type(n) is not int or n < 0 for n in (begin, end, *shape)):
            raise InputError(f"{name[:40]!r} in it has a shape or offsets that make no sense")
        dtype = DTYPES[entry["dtype"]][1]
        if end - begin != prod(shape) * bytes_of(dtype):
            raise InputError(f"{name[:40]!r} in it has a length that does not fit its shape")
        window = Window(file, 8 + length + begin, end - begin)
        tensors[name] = Tensor(window, dtype, tuple(shape), contiguous(shape))
        ends.append((begin, end))
    ends.sort()
    if [0, *(end for _, end in ends)] != [*(begin for begin, _ in ends), size - 8 - length]:
        raise InputError("its tensors overlap, leave gaps, or do not end where the file ends")
    return tensors


def _without_repeats(pairs):
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise InputError("its header names a tensor twice")
    return mapping


def write_safetensors(path, arrays):
    """Write {name: array} as float32. The file appears complete or not at all."""
    arrays = {name: np.ascontiguousarray(array, "<f4") for name, array in arrays.items()}
    header, end = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(array)
