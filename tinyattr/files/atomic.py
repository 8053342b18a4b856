"""Atomic writes: write under a temporary name, flush to disk, rename. So a path leads to a complete file or to none."""

import errno
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from tinyattr.errors import InputError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LONGEST_FILE = 255  # bytes of a file's name
LONGEST_NAME = 60  # characters of the file's name in a temporary name, because a file system allows 255 bytes


def writable(path):
    """Return `path` as a Path. Raises InputError if we cannot write there. Call this before long work, not after it."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"a file to write is given by its path; got {path!r:.60}")
    path = Path(os.fsdecode(path))
    if "\0" in path.name or len(os.fsencode(path.name)) > LONGEST_FILE:
        raise InputError(f"{path.name!r:.60} cannot be the name of a file: it is too long, or holds a zero byte")
    if not os.path.isdir(path.parent):
        raise InputError(f"no folder {str(path.parent)!r} to write {path.name!r} into")
    if os.path.islink(real := os.path.realpath(path)):
        raise InputError(f"{str(path)!r} is a link that leads back to itself")
    stream = re.match(r"/dev/(stdout|stderr|fd/)|/proc/", os.path.abspath(path))  # these may lead to a file
    if stream or (os.path.exists(real) and not os.path.isfile(real)):
        raise InputError(f"{str(path)!r} is not an ordinary file; give the name of a file to write")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{str(path)!r} cannot be written: you have no permission to write into its folder")
    return path


@contextmanager
def atomic(path):
    """`with atomic(path) as temporary:` write to the file `temporary`. If nothing fails, it becomes `path` at the end.

    Each writer has its own temporary name. So several may write to the same path; the file that ends last stays.
    path: may also be a file object for bytes, such as io.BytesIO. At the end we copy the whole content into it.
    """
    if hasattr(path, "write"):
        with TemporaryDirectory() as folder:
            yield (temporary := Path(folder, "file"))
            with open(temporary, "rb") as written:
                _copy(written, path)
        return
    path = Path(os.path.realpath(writable(path)))  # if `path` is a link, it stays a link, to the new content
    # The temporary name has the same ending, because some writers choose the format by it.
    temporary = path.with_name(f".{token_hex(8)}.{path.name[-LONGEST_NAME:]}")
    try:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise InputError(f"{str(path)!r} cannot be written: {os.strerror(error.errno)}") from None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _copy(written, file):
    """Copy a written file into an open file. Raises InputError if the open file is not open for writing bytes."""
    try:
        shutil.copyfileobj(written, file)
    except (TypeError, ValueError) as error:
        raise InputError(f"a file object must be open for writing bytes, as with open(path, 'wb'): {error}") from None


def write_text(path, text):
    """Write a text in UTF-8. The file appears complete or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def all_different(*paths):
    """Raise InputError if two paths are the same file: no output may overwrite an input or another output."""
    files = [os.path.realpath(p) for p in paths if p is not None]
    for path in files:
        if files.count(path) > 1:
            raise InputError(f"{path!r} is named twice; inputs and outputs must be different files")
