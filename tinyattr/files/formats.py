"""Which format a weight file has, told by its first bytes, never by its name. To read another format, add a case."""

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py

from tinyattr.errors import InputError
from tinyattr.files.hdf5 import hdf5_contents, open_hdf5
from tinyattr.files.pth import LEGACY_START, legacy_tensors, zip_tensors
from tinyattr.files.pytorch import layers_of
from tinyattr.files.safetensors import safetensors, safetensors_start
from tinyattr.files.weight_file import WeightFile, about
from tinyattr.files.window import zip_members

READABLE = "HDF5 (.h5, .weights.h5), .keras, .pth and .safetensors"
INSIDE_KERAS = "model.weights.h5"
MISTAKEN = {  # what people take for a weight file, by its first bytes
    b"version https://": "a git-lfs pointer, not the file itself (git lfs pull fetches it)",
    b"<": "a web page, not a weight file: the download went wrong",
    **dict.fromkeys((b"\x80", b"(", b"]", b"}"), "a plain pickle, which could run any program when loaded"),
}


@contextmanager
def open_weights(path):
    """Open a weight file of any format: `with open_weights(path) as file` gives a WeightFile. Raises InputError."""
    path = Path(path)
    if not os.path.isfile(path):
        raise InputError(f"no weight file at {str(path)!r}; give the path of a file: {READABLE}, "
                         "or a name that `tinyattr weights list` shows")
    with ExitStack() as open_files:
        with about(path):
            stream = open_files.enter_context(open(path, "rb", buffering=0))
            file = WeightFile(path, *_contents(stream, path, open_files))
        yield file


def _contents(file, path, open_files):
    """(layout, layers, and the description in a file of our own); what must stay open is added to `open_files`."""
    size, head = path.stat().st_size, file.read(16)
    if head.startswith(b"PK\3\4"):
        members = zip_members(file, size)
        if INSIDE_KERAS in members:
            members[INSIDE_KERAS].check()
            return hdf5_contents(open_files.enter_context(open_hdf5(members[INSIDE_KERAS])))
        if any(name.endswith("/data.pkl") for name in members):
            return "torch-zip", layers_of(zip_tensors(members))
        raise InputError(f"a zip file without {INSIDE_KERAS} (a .keras file) and without data.pkl (a .pth file)")
    if head.startswith(LEGACY_START):
        return "torch-legacy", layers_of(legacy_tensors(file, size))
    if h5py.is_hdf5(path):
        return hdf5_contents(open_files.enter_context(open_hdf5(path)))
    if safetensors_start(head):
        return "safetensors", layers_of(safetensors(file, size))
    mistaken = (what for start, what in MISTAKEN.items() if head.lstrip().startswith(start))
    what = next(mistaken, "not a weight file") if head else "an empty file"
    raise InputError(f"{what}; read are {READABLE}")
