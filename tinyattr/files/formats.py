"""Find a weight file's format from its first bytes, never from its name. For another format, add a case."""

import io
import json
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tinyattr.errors import InputError
from tinyattr.files.hdf5 import HDF5_START, hdf5_contents, open_hdf5
from tinyattr.files.keras_config import LARGEST_CONFIG
from tinyattr.files.onnx.file import onnx_start
from tinyattr.files.onnx.network import onnx_contents
from tinyattr.files.pth import LEGACY_START, legacy_tensors, zip_tensors
from tinyattr.files.pytorch import layers_of
from tinyattr.files.safetensors import safetensors, safetensors_start
from tinyattr.files.weight_file import WeightFile, about
from tinyattr.files.window import Window, zip_members, zip_names

try:
    from fcntl import LOCK_NB, LOCK_SH, flock
except ImportError:  # Windows does not let us open a file that another program writes
    flock = None

READABLE = "HDF5 (.h5, .weights.h5), .keras, .pth, .safetensors and .onnx"
INSIDE_KERAS = "model.weights.h5"
MISTAKEN = {  # {first bytes: what the file is}, for files that people mistake for weight files
    b"version https://": "a git-lfs pointer, not the file itself (`git lfs pull` gets the file)",
    b"<": "a web page, not a weight file: the download failed",
    **dict.fromkeys((b"\x80", b"(", b"]", b"}"), "a plain pickle, which could run any program when loaded"),
}


@contextmanager
def open_weights(source, size=None):
    """Open a weight file of any format: `with open_weights(path) as file` gives a WeightFile. Raises InputError.

    source: a path, the bytes of a file, or a file that is open for reading bytes (it is read from its position on).
    size: size of pictures, a number or (H, W), for a Keras or ONNX file that does not fix it.
    """
    path = _path(source)
    with ExitStack() as open_files:
        with about(path):
            if not has_content(source):
                source = open_files.enter_context(open(path, "rb", buffering=0))
                refuse_while_written(source)
            stream = _stream(source)
            file = WeightFile(path, stream.length, *_contents(stream, open_files, path, size))
        yield file


def has_content(source):
    """Return True if a source is the content of a file (bytes, or an open file), not a path or name."""
    return isinstance(source, bytes | bytearray | memoryview) or hasattr(source, "readinto")


def _path(source):
    """Return the Path of a file, or a name for messages. Raises InputError if there is no ordinary file."""
    if has_content(source):
        name = getattr(source, "name", None)
        return Path(name if name and isinstance(name, str) else "the given bytes")
    if os.path.isdir(source):
        what = ("a SavedModel folder of TensorFlow, which holds a program; save the Keras model as one file: "
                "model.save('model.keras')" if os.path.exists(Path(source, "saved_model.pb")) else
                "a folder; give the path of a file in it")
        raise InputError(f"no weight file at {str(source)!r}, but {what}")
    if not os.path.isfile(source):
        raise InputError(f"no weight file at {str(source)!r}; give the path of a file: {READABLE}, "
                         "or a name that `tinyattr weights list` shows")
    return Path(source)


def _stream(source):
    """Return the file's bytes as a Window. We read only from this open file, so nobody can exchange it meanwhile."""
    if isinstance(source, bytes | bytearray | memoryview):
        source = io.BytesIO(source)
    if not source.seekable():
        raise InputError("a stream that can be read only once; give its bytes, stream.read()")
    start = source.tell()
    return Window(source, start, source.seek(0, io.SEEK_END) - start)


def refuse_while_written(file):
    """Raise InputError if another program has locked the file. The library HDF5 locks a file while it writes it.

    File systems of clusters may have no locks: flock fails with ENOLCK, EOPNOTSUPP or EROFS. Then we read the file.
    """
    try:
        if flock:
            flock(file, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        raise InputError("another program has it open for writing; close it there, or wait") from None
    except OSError:
        pass


def _contents(file, open_files, path, size_of_pictures):
    """Return the fields of a WeightFile from `layout` on. A file that must stay open is added to `open_files`."""
    size, head = file.length, file.read(16)
    if head.startswith(b"PK\3\4"):
        if any(name.endswith("/constants.pkl") for name in zip_names(file, size)):
            raise InputError("a TorchScript archive, which is a program with weights; save the weights alone: "
                             "torch.save(torch.jit.load(file).state_dict(), 'weights.pth')")
        members = zip_members(file, size)
        if INSIDE_KERAS in members:
            weights = members[INSIDE_KERAS]
            weights.check()
            config, version = _keras_config(members)
            opened = open_files.enter_context(open_hdf5(weights))
            return hdf5_contents(opened, weights, config, version, size_of_pictures)
        if any(name.endswith("/data.pkl") for name in members):
            return "torch-zip", layers_of(zip_tensors(members))
        raise InputError(f"a zip file without {INSIDE_KERAS} (a .keras file) and without data.pkl (a .pth file)")
    if head.startswith(LEGACY_START):
        return "torch-legacy", layers_of(legacy_tensors(file, size))
    if head.startswith(HDF5_START):
        return hdf5_contents(open_files.enter_context(open_hdf5(file)), file, size=size_of_pictures)
    if safetensors_start(head):
        return "safetensors", layers_of(safetensors(file, size))
    if onnx_start(head):
        file.seek(0)
        return onnx_contents(file.read(size), path, size_of_pictures)
    mistaken = (what for start, what in MISTAKEN.items() if head.lstrip().startswith(start))
    what = next(mistaken, "not a weight file") if head else "an empty file"
    raise InputError(f"{what}; supported are {READABLE}")


def _keras_config(members):
    """Return (config, version of Keras) from a .keras file's members. Raises InputError if there is no config."""
    if "config.json" not in members:
        raise InputError("a .keras file without config.json, which says what its layers do")
    about = _short_text(members["metadata.json"]) if "metadata.json" in members else "{}"
    return _short_text(members["config.json"]), str(json.loads(about).get("keras_version"))


def _short_text(member):
    """Return a member's text, of at most LARGEST_CONFIG bytes. Raises InputError."""
    if member.length > LARGEST_CONFIG:
        raise InputError(f"its config has {member.length:,} bytes; the limit is {LARGEST_CONFIG:,}")
    member.check()
    return member.read(member.length).decode()
