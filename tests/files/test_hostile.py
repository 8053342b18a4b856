"""No weight file, whatever it holds, does more than be refused: one error of one line, in little memory, and no crash."""

import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

import tinyattr as ta
from tests.files.hostile import NET, files
from tests.references import FOLDER

CHECKOUT = Path(__file__).resolve().parents[2]


def child(module, *arguments):
    """Standard output of `python -m module`, in a process of its own, which may crash."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_hostile_files(tmp_path):
    hostile = files()
    for i, (content, _) in enumerate(hostile.values()):
        assert len(content) < 5_000_000
        (tmp_path / f"{i:03}").write_bytes(content)
    run = child("tests.files.hostile", tmp_path)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    last = list(hostile)[len(found)] if len(found) < len(hostile) else "the end"
    assert len(found) == len(hostile), f"died with {run.returncode} at {last!r}: {run.stderr[-500:]}"
    for (name, (_, words)), (file, error, megabytes) in zip(hostile.items(), found, strict=True):
        assert re.search(words, error), f"{name}: {error}"
        assert file in error, name
        assert error.isprintable(), name
        assert megabytes < 200, name


@pytest.mark.parametrize("name", [
    "keras/mini_tfk_save_weights.h5", "keras/mini_k3.weights.h5", "keras/mini_k3_whole_model.h5", "keras/mini_k3.keras",
    "keras_own/nested.h5", "pytorch/mini_tv_zip.pth", "pytorch/odd_legacy.pth", "pytorch/mini_timm.safetensors",
])
def test_damaged_files(name):
    """200 mutants each of which a byte or more is wrong (fuzz.py runs as many as you like)."""
    run = child("tests.files.fuzz", FOLDER / name, 0, 200)
    assert run.returncode == 0, f"seed {run.stdout.split()[-1:]}: {run.stderr[-500:]}"


def test_a_damaged_file_of_our_own_is_never_taken_for_whole(tmp_path):
    """Its arrays have digests: no mutant loads with other numbers. Compressed chunks have checksums, too."""
    ta.save(NET, tmp_path / "own.h5")
    with h5py.File(tmp_path / "gzip.h5", "w") as file:
        for name, arrays in NET.weights.items():
            for what, array in zip(("kernel", "bias"), arrays, strict=True):
                file.create_dataset(f"{name}/{what}", data=array + 1, chunks=array.shape, compression="gzip", shuffle=True)
    for path in tmp_path.iterdir():
        run = child("tests.files.fuzz", path, 0, 200)
        assert run.returncode == 0, run.stderr[-500:]
        assert "'refused'" in run.stdout
        assert "other numbers" not in run.stdout
