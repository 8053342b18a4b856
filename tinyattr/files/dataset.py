"""One dataset of an HDF5 file. We check it before we read it, and read it without HDF5's own filters.

HDF5 decompresses a chunk without a limit: a megabyte in a file can become a gigabyte in memory. So we fetch the stored
bytes of each chunk and decompress them here. We stop if a chunk gets larger than its shape allows.
"""

import zlib
from functools import partial
from itertools import product
from math import prod

import h5py
import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.weight_file import Array

SLACK = 1024  # bytes by which compression may make a chunk larger


def array_of(d, dtype=np.float32):
    """Return the Array of a dataset. It is checked, but not read yet; later it is read as `dtype`.

    Raises InputError if reading could open another file, run a plugin, or need much more memory than the array.
    """
    if not isinstance(d, h5py.Dataset) or d.shape is None:
        raise InputError(f"{d.name} in it is not an array")
    plist = d.id.get_create_plist()
    if plist.get_layout() == h5py.h5d.VIRTUAL or plist.get_external_count():
        raise InputError(f"{d.name} keeps its numbers in another file; weights must be in the file itself")
    if d.dtype.kind != "f" or d.dtype.itemsize not in (2, 4, 8) or h5py.h5t.py_create(d.dtype) != d.id.get_type():
        raise InputError(f"{d.name} has type {d.dtype}; weights must be float16, float32 or float64 "
                         "(Keras writes bfloat16 as V2)")
    filters = _filters(d)
    if filters != [number for number in UNDO if number in filters]:
        raise InputError(f"{d.name} uses the HDF5 filters {filters}; supported are shuffle and gzip "
                         "(h5repack -f SHUF -f GZIP=4 makes such a file)")
    nbytes = prod(d.shape) * d.dtype.itemsize
    if d.chunks:
        if prod(d.chunks) * d.dtype.itemsize > max(nbytes, 1 << 20):
            raise InputError(f"{d.name} has chunks of {d.chunks} for an array of {d.shape}")
        if prod(-(-n // c) for n, c in zip(d.shape, d.chunks, strict=True)) > 64 + nbytes // 4096:
            raise InputError(f"{d.name} has tiny chunks of {d.chunks} for an array of {d.shape}")
        written = d.id.get_space_status() == h5py.h5d.SPACE_STATUS_ALLOCATED
    else:
        written = plist.get_layout() == h5py.h5d.COMPACT or d.id.get_storage_size() == nbytes
    if not written or not nbytes:
        raise InputError(f"{d.name} was never written completely; the file comes from an interrupted run")
    return Array(d.name, d.shape, partial(_read, d, dtype))


def _read(d, dtype):
    """Return the numbers of a dataset. Raises InputError for a damaged chunk."""
    a = np.empty(d.shape, dtype)
    if not d.chunks:
        d.read_direct(a)
        return a
    for corner in product(*(range(0, n, c) for n, c in zip(d.shape, d.chunks, strict=True))):
        place = tuple(slice(at, at + c) for at, c in zip(corner, d.chunks, strict=True))
        a[place] = _chunk(d, corner)[tuple(slice(n) for n in a[place].shape)]
    return a


def _chunk(d, corner):
    """Return the chunk that starts at this corner. It may reach beyond the end of the array."""
    size, itemsize = prod(d.chunks) * d.dtype.itemsize, d.dtype.itemsize
    if d.id.get_chunk_info_by_coord(corner).size > size + SLACK:
        raise InputError(f"its chunk at {corner} is larger than the numbers in it")
    skipped, stored = d.id.read_direct_chunk(corner)
    for i, number in reversed(list(enumerate(_filters(d)))):
        if not skipped >> i & 1:
            stored = UNDO[number](stored, size, itemsize)
    if len(stored) != size:
        raise InputError(f"its chunk at {corner} is damaged")
    return np.frombuffer(stored, d.dtype).reshape(d.chunks)


def _filters(d):
    """Return which filters were applied to a dataset, in order. HDF5 has a number for each filter."""
    plist = d.id.get_create_plist()
    return [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]


def _inflate(stored, size, _):
    """Decompress to at most `size` + 1 bytes. Return no bytes if the checksum at the end is wrong."""
    inflater = zlib.decompressobj()
    try:
        numbers = inflater.decompress(stored, size + 1)
    except zlib.error:
        return b""
    return numbers if inflater.eof else b""


def _unshuffle(stored, size, itemsize):
    """Undo shuffle, which stored the first bytes of all numbers, then all second bytes, and so on."""
    return np.frombuffer(stored, np.uint8).reshape(itemsize, -1).T.tobytes() if len(stored) == size else b""


UNDO = {h5py.h5z.FILTER_SHUFFLE: _unshuffle, h5py.h5z.FILTER_DEFLATE: _inflate}  # {filter: how to undo it}
