"""Where the bytes of a network may come from: paths of all kinds, memory, open files; file systems without locks."""

import errno
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinyattr as ta
from tests.references import FOLDER
from tinyattr.files.embedded import embedded

EVERY_FORMAT = ["keras/mini_k3.weights.h5", "keras/mini_k3.keras", "pytorch/mini_tv_zip.pth", "pytorch/mini_tv_legacy.pth",
                "pytorch/mini_tv.safetensors"]
WITHOUT_LOCKS = """
#include <errno.h>
int flock(int file, int operation) { errno = %s; return -1; }
"""
LOADED_AND_SAVED = """
import sys
import tinyattr as ta
for source in ("glyphs", *sys.argv[2:]):
    ta.load(source)
ta.save(ta.load("glyphs"), sys.argv[1])
print(ta.load(sys.argv[1]).name)
"""
HELD_OPEN = """
import sys, h5py
with h5py.File(sys.argv[1], "r+") as file:
    print("open", flush=True)
    sys.stdin.read()
"""


def same(a, b):
    return all((v == w).all() for n in a.weights for v, w in zip(a.weights[n], b.weights[n], strict=True))


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_every_format_from_memory_and_from_open_files(name, tmp_path):
    path = FOLDER / name
    net, content = ta.load(path), path.read_bytes()
    (tmp_path / "behind").write_bytes(b"something else" + content)
    with open(path, "rb") as buffered, open(path, "rb", buffering=0) as raw, open(tmp_path / "behind", "rb") as behind:
        behind.seek(14)
        for source in (str(path), content, bytearray(content), memoryview(content), io.BytesIO(content), buffered, raw, behind):
            assert same(ta.load(source), net)
        raw.seek(0)
        assert ta.load(raw).source.startswith(str(path))
    assert ta.load(content).source.startswith("the given bytes")


def test_what_os_calls_a_path():
    """os.PathLike, also one that gives bytes."""
    class AsBytes:
        def __fspath__(self):
            return os.fsencode(FOLDER / "keras" / "mini_k3.keras")

    net = ta.load(FOLDER / "keras" / "mini_k3.keras")
    assert same(ta.load(AsBytes()), net)
    with os.scandir(FOLDER / "keras") as entries:
        assert same(ta.load(next(entry for entry in entries if entry.name == "mini_k3.keras")), net)


@pytest.mark.parametrize("source", [None, ["net.h5"], 5, {"net": 1}, np.zeros(3), io.StringIO("text"), ta.load])
def test_what_is_no_source(source):
    with pytest.raises(ta.InputError, match="a network is given by the path of its file, or by its name") as error:
        ta.load(source)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"abc", b"<html>"])
def test_bytes_that_are_no_weight_file(content):
    with pytest.raises(ta.InputError, match="'the given bytes': .*; supported are HDF5"):
        ta.load(content)


def test_a_pipe_is_not_read_twice():
    read, write = os.pipe()
    os.close(write)
    with open(read, "rb") as pipe, pytest.raises(ta.InputError, match=r"only once; give its bytes"):
        ta.load(pipe)


@pytest.mark.skipif(not shutil.which("cc") or not sys.platform.startswith("linux"), reason="no C compiler, or not Linux")
@pytest.mark.parametrize("answer", ["ENOLCK", "EOPNOTSUPP", "EROFS", "ENOSYS"])
def test_file_systems_without_locks(tmp_path, answer):
    """As clusters mount them: in a process whose C library refuses every lock, networks are loaded and saved."""
    assert hasattr(errno, answer)
    (tmp_path / "flock.c").write_text(WITHOUT_LOCKS % answer)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "flock.so", "flock.c"], cwd=tmp_path, check=True)
    run = subprocess.run([sys.executable, "-c", LOADED_AND_SAVED, tmp_path / "saved.h5", *(FOLDER / name for name in EVERY_FORMAT)],
                         env={**os.environ, "LD_PRELOAD": str(tmp_path / "flock.so")}, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == (ta.load("glyphs").name + "\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody open what another program writes")
def test_a_file_that_another_program_writes_is_named_as_that(tmp_path):
    path = Path(shutil.copy(embedded("weights/glyphs.h5"), tmp_path))
    with subprocess.Popen([sys.executable, "-c", HELD_OPEN, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "open\n"
        with pytest.raises(ta.InputError, match=r"'glyphs\.h5': another program has it open for writing"):
            ta.load(path)
        writer.communicate("")
    assert ta.load(path).parameters == ta.load("glyphs").parameters
