"""Reading chunked HDF5 datasets without HDF5's filters.

HDF5 inflates whatever a chunk holds, past the chunk's own size: a megabyte in a file can become a gigabyte in memory.
So chunks are fetched as they are stored and undone here, where a chunk never grows beyond its size.
"""

import zlib
from itertools import product
from math import prod

import h5py
import numpy as np

from tinyattr.errors import InputError

FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "deflate", h5py.h5z.FILTER_SHUFFLE: "shuffle", h5py.h5z.FILTER_FLETCHER32: "fletcher32",
}


def read_chunks(d, a):
    """Fill array `a` from dataset `d`, converting its numbers. Raises InputError for a damaged chunk."""
    plist = d.id.get_create_plist()
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    size = prod(d.chunks) * d.dtype.itemsize
    for corner in product(*(range(0, n, c) for n, c in zip(d.shape, d.chunks, strict=True))):
        if not 0 < d.id.get_chunk_info_by_coord(corner).size <= size + 1024:
            raise InputError(f"{d.name}: the chunk at {corner} is missing or larger than its numbers")
        skipped, stored = d.id.read_direct_chunk(corner)
        for i, name in reversed(list(enumerate(filters))):
            if not skipped >> i & 1:
                stored = _undo(name, stored, size, d)
        if len(stored) != size:
            raise InputError(f"{d.name}: the chunk at {corner} is damaged")
        chunk = np.frombuffer(stored, d.dtype).reshape(d.chunks)
        place = tuple(slice(at, at + c) for at, c in zip(corner, d.chunks, strict=True))
        a[place] = chunk[tuple(slice(n) for n in a[place].shape)]


def _undo(name, stored, size, d):
    """The bytes before a filter was applied."""
    if name == h5py.h5z.FILTER_DEFLATE:
        try:
            inflate = zlib.decompressobj()
            stored = inflate.decompress(stored, size + 4)
            if inflate.unconsumed_tail or not inflate.eof:
                raise zlib.error("more than the chunk can hold, or less")
        except zlib.error as error:
            raise InputError(f"{d.name} is damaged: {error}") from None
        return stored
    if name == h5py.h5z.FILTER_SHUFFLE:
        return np.frombuffer(stored, np.uint8).reshape(d.dtype.itemsize, -1).T.tobytes()
    stored, checksum = stored[:-4], stored[-4:]
    if _fletcher32(stored) != int.from_bytes(checksum, "little"):
        raise InputError(f"{d.name} is damaged: its checksum differs")
    return stored


def _fletcher32(data):
    """HDF5's checksum: sums of 16-bit words, and sums of those sums, both modulo 65535."""
    words = np.frombuffer(data, ">u2").astype(np.uint64)
    first = int(words.sum()) % 65535
    second = int((words * np.arange(len(words), 0, -1, dtype=np.uint64) % 65535).sum()) % 65535
    return second << 16 | first
