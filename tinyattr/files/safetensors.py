"""The .safetensors format: length of the header (uint64), header (JSON), numbers.

The header is {name: {"dtype", "shape", "data_offsets": [begin, end]}}, offsets counted from the header's end.
"""

import json
from math import prod

from tinyattr.errors import InputError
from tinyattr.files.tensors import BFLOAT16, MOST_AXES, Tensor, bytes_of
from tinyattr.files.window import Window

LARGEST_HEADER = 1 << 17  # bytes; 52 tensors need 5,000
DTYPES = {
    "F16": "<f2", "BF16": BFLOAT16, "F32": "<f4", "F64": "<f8", "BOOL": "|b1",
    "U8": "|u1", "I8": "|i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
}


def safetensors_start(head):
    """Whether a file with these first nine bytes could be one."""
    return len(head) >= 9 and int.from_bytes(head[:8], "little") <= LARGEST_HEADER and head[8:9] == b"{"


def safetensors(file, size):
    """{name: Tensor} of a file of `size` bytes. The numbers must fill it without gap or overlap. Raises InputError."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length), object_pairs_hook=_without_repeats)
    header.pop("__metadata__", None)
    tensors, ends = {}, []
    for name, entry in header.items():
        (begin, end), shape, dtype = entry["data_offsets"], entry["shape"], DTYPES.get(entry["dtype"])
        if dtype is None:
            raise InputError(f"{name[:40]!r} in it has dtype {entry['dtype']!r:.20}; read are {', '.join(DTYPES)}")
        if len(shape) > MOST_AXES or any(type(n) is not int or n < 0 for n in (begin, end, *shape)):
            raise InputError(f"{name[:40]!r} in it has a shape or offsets that make no sense")
        if end - begin != prod(shape) * bytes_of(dtype):
            raise InputError(f"{name[:40]!r} in it has another length than its shape says")
        strides = tuple(prod(shape[i + 1 :]) for i in range(len(shape)))
        tensors[name] = Tensor(Window(file, 8 + length + begin, end - begin), dtype, tuple(shape), strides)
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
