"""Reading chunked HDF5 datasets without HDF5's filters.

HDF5 inflates whatever a chunk holds, past the chunk's own size: a megabyte in a file can become a gigabyte in memory.
So chunks are fetched as they are stored and inflated here, where none grows beyond its size.
"""

import zlib
from itertools import product
from math import prod

import h5py
import numpy as np

from tinyattr.errors import InputError

FILTERS = {h5py.h5z.FILTER_SHUFFLE: "shuffle", h5py.h5z.FILTER_DEFLATE: "gzip"}  # as applied, in order
SLACK = 1024  # bytes by which a chunk may grow when it is compressed


def filters_of(d):
    """HDF5's numbers of the filters that were applied to a dataset, in order."""
    plist = d.id.get_create_plist()
    return [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]


def read_chunks(d, a):
    """Fill array `a` from dataset `d`, converting its numbers. Raises InputError for a damaged chunk."""
    size, filters = prod(d.chunks) * d.dtype.itemsize, filters_of(d)
    for corner in product(*(range(0, n, c) for n, c in zip(d.shape, d.chunks, strict=True))):
        if d.id.get_chunk_info_by_coord(corner).size > size + SLACK:
            raise InputError(f"its chunk at {corner} is larger than the numbers in it")
        skipped, stored = d.id.read_direct_chunk(corner)
        for i, number in reversed(list(enumerate(filters))):
            if not skipped >> i & 1:
                stored = _UNDO[number](stored, size, d.dtype.itemsize)
        if len(stored) != size:
            raise InputError(f"its chunk at {corner} is damaged")
        chunk = np.frombuffer(stored, d.dtype).reshape(d.chunks)
        place = tuple(slice(at, at + c) for at, c in zip(corner, d.chunks, strict=True))
        a[place] = chunk[tuple(slice(n) for n in a[place].shape)]


def _inflate(stored, size, _):
    """At most `size` + 1 bytes; empty where the checksum at the end is not right."""
    inflater = zlib.decompressobj()
    try:
        numbers = inflater.decompress(stored, size + 1)
    except zlib.error:
        return b""
    return numbers if inflater.eof else b""


def _unshuffle(stored, size, itemsize):
    """Bytes number by number; they are stored with all first bytes together, then all second bytes, and so on."""
    return np.frombuffer(stored, np.uint8).reshape(itemsize, -1).T.tobytes() if len(stored) == size else b""


_UNDO = {h5py.h5z.FILTER_SHUFFLE: _unshuffle, h5py.h5z.FILTER_DEFLATE: _inflate}
