"""Weight files, whoever wrote them: which format a file has, told by its first bytes, never by its name."""

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py

from tinyattr.errors import InputError
from tinyattr.files.hdf5 import open_hdf5
from tinyattr.files.pth import LEGACY_START, legacy_tensors, zip_tensors
from tinyattr.files.safetensors import safetensors, safetensors_start
from tinyattr.files.tensors import layers_of
from tinyattr.files.weight_file import Stored, about
from tinyattr.files.window import zip_members

READABLE = "HDF5 (.h5, .weights.h5), .keras, .pth and .safetensors"
INSIDE_KERAS = "model.weights.h5"


@contextmanager
def open_weights(path):
    """Open a weight file of any supported format: `with open_weights(path) as stored` (a Stored). Raises InputError."""
    path = Path(path)
    if not os.path.isfile(path):
        raise InputError(f"no weight file at {str(path)!r}; give the path of a file: {READABLE}, "
                         "or a name that `tinyattr weights list` shows")
    with ExitStack() as opened:
        with about(path):
            file = opened.enter_context(open(path, "rb", buffering=0))
            stored = Stored(path, *opened.enter_context(_opened(file, path)))
        yield stored


@contextmanager
def _opened(file, path):
    """(layout, layers, attributes), whatever the format."""
    size, head = path.stat().st_size, file.read(16)
    if head.startswith(b"PK\3\4"):
        members = zip_members(file, size)
        if INSIDE_KERAS in members:
            members[INSIDE_KERAS].check()
            with open_hdf5(members[INSIDE_KERAS]) as contents:
                yield contents
        elif any(name.endswith("/data.pkl") for name in members):
            yield "torch-zip", layers_of(zip_tensors(members)), {}
        else:
            raise InputError(f"a zip file without {INSIDE_KERAS} (a .keras file) and without data.pkl (a .pth file)")
    elif head.startswith(LEGACY_START):
        yield "torch-legacy", layers_of(legacy_tensors(file, size)), {}
    elif h5py.is_hdf5(path):
        with open_hdf5(path) as contents:
            yield contents
    elif safetensors_start(head):
        yield "safetensors", layers_of(safetensors(file, size)), {}
    else:
        raise InputError(f"{_what_else(head)}; read are {READABLE}")


def _what_else(head):
    """What people take for a weight file, by its first bytes."""
    if head.startswith(b"version https://"):
        return "a git-lfs pointer, not the file itself (git lfs pull fetches it)"
    if head.lstrip()[:1] == b"<":
        return "a web page, not a weight file: the download went wrong"
    if head.startswith((b"\x80", b"(", b"]", b"}")):
        return "a plain pickle, which could run any program when loaded"
    return "an empty file" if not head else "not a weight file"

