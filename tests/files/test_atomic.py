"""Many writers of one path, in threads and in processes: whoever reads finds one writer's whole file."""

import io
import subprocess
import sys

import pytest

import tinyattr as ta
from tinyattr.files.atomic import write_text

THREADS, PROCESSES, TIMES = 8, 4, 10
WRITER = """
import sys
from concurrent.futures import ThreadPoolExecutor
import tinyattr as ta

def written(seed):
    net = ta.vgg("A", width=1 / 16, classes=3, size=32, dense=(4, 4), seed=seed)
    for _ in range(int(sys.argv[3])):
        ta.save(net, sys.argv[1])

with ThreadPoolExecutor(int(sys.argv[2])) as pool:
    list(pool.map(written, range(int(sys.argv[2]))))
"""


def test_many_threads_and_processes_save_to_one_path(tmp_path):
    """Every file that is read meanwhile has its own sha256 of every array, so half of one and half of another would show."""
    path = tmp_path / "net.h5"
    ta.save(ta.vgg("A", width=1 / 16, classes=3, size=32, dense=(4, 4), seed=0), path)
    command = [sys.executable, "-c", WRITER, str(path), str(THREADS), str(TIMES)]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    names = {f"VGG11 layout, random weights (seed {seed})" for seed in range(THREADS)}
    while any(writer.poll() is None for writer in writers):
        assert ta.load(path).name in names
    assert [writer.communicate()[1] for writer in writers] == [""] * PROCESSES
    assert ta.load(path).name in names
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_a_file_system_takes(tmp_path):
    path = tmp_path / ("x" * 251 + ".txt")
    write_text(path, "whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_object_gets_the_whole_content(tmp_path):
    net = ta.vgg("A", width=1 / 16, classes=3, size=32, dense=(4, 4))
    ta.save(net, tmp_path / "net.h5")
    ta.save(net, memory := io.BytesIO())
    assert memory.getvalue() == (tmp_path / "net.h5").read_bytes()
    with open(tmp_path / "again.h5", "wb") as file:
        ta.save(net, file)
    assert (tmp_path / "again.h5").read_bytes() == memory.getvalue()


@pytest.mark.parametrize("target", [None, ["net.h5"], b"net.h5", 5])
def test_what_is_no_place_to_write(target):
    with pytest.raises(ta.InputError, match="a file to write is given by its path"):
        ta.save(ta.load("glyphs"), target)


def test_file_objects_that_take_no_bytes(tmp_path):
    (tmp_path / "read only").touch()
    with open(tmp_path / "text", "w") as text, open(tmp_path / "read only", "rb") as read_only:
        for file in (text, read_only, io.StringIO()):
            with pytest.raises(ta.InputError, match="must be open for writing bytes"):
                ta.save(ta.load("glyphs"), file)


FULL = """
import resource, signal, sys
from pathlib import Path
import tinyattr as ta
from tinyattr.files.export import EXPORTS
from tinyattr.files.tables import write_json

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails as it does on a full disk
net = ta.vgg("A", width=1 / 8, classes=3, size=32, dense=(40, 40))
writers = {"ours.h5": ta.save, **{f"{name}.file": write for name, write in EXPORTS.items()},
           "numbers.json": lambda _, path: write_json(path, {"x": ["a" * 99] * 1000})}
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
for name, write in writers.items():
    try:
        write(net, Path(sys.argv[1], name))
    except ta.InputError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split("'")[1].rsplit("/", 1)[1] for line in lines] == ["ours.h5", "keras.file", "torchvision.file", "numbers.json"]
    assert all("cannot be written: File too large" in line for line in lines)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="other links and permissions there")
def test_links_in_a_circle_and_permissions(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ta.InputError, match="a link that leads back to itself"):
        write_text(tmp_path / "a", "text")
    path = tmp_path / "shared.txt"
    path.write_text("old")
    path.chmod(0o664)
    write_text(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o664)


def test_a_stream_that_stands_for_a_file_is_not_replaced(tmp_path):
    """`--json /dev/stdout > numbers.json` would put another file in the place of what is printed."""
    code = "import sys\nfrom tinyattr.files.atomic import write_text\nprint('told', flush=True)\nwrite_text('/dev/stdout', 'text')"
    with open(tmp_path / "out", "w") as out:
        done = subprocess.run([sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert "is not an ordinary file" in done.stderr
    assert (tmp_path / "out").read_text() == "told\n"
