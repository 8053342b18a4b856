"""Converting and loading: nothing is guessed, nothing half-written, and little memory is needed."""

import errno
import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import tinyattr as ta
from tests.files.layouts import write
from tests.files.torch_files import legacy, safetensors, torch_state, zipped
from tests.references import FOLDER
from tinyattr.cli.main import main
from tinyattr.files.fetch import sha256_of
from tinyattr.files.load import convert
from tinyattr.files.vgg import vgg_shapes
from tinyattr.nets.pictures import FAMILIES

MINIATURES = [*sorted((FOLDER / "keras").glob("*.h5")), *sorted((FOLDER / "keras").glob("*.keras")),
              *sorted((FOLDER / "pytorch").glob("*.pth")), *sorted((FOLDER / "pytorch").glob("*.safetensors"))]


def same(a, b):
    return a.weights.keys() == b.weights.keys() and all(
        (v == w).all() for n in a.weights for v, w in zip(a.weights[n], b.weights[n], strict=True))


@pytest.mark.parametrize("source", MINIATURES, ids=lambda path: path.name)
def test_every_format_converts_to_a_file_that_says_all(tmp_path, source):
    out = tmp_path / "own.h5"
    with pytest.raises(ta.InputError, match="does not say who trained it, .* give --family oxford or torchvision"):
        convert(source, out)
    assert not any(tmp_path.iterdir())
    convert(source, out, family="torchvision", size=64)
    net = ta.load(out)
    assert same(net, ta.load(source))
    assert (net.input.mean, net.input.size) == (FAMILIES["torchvision"].mean, 64)
    assert net.source == f"{source.name}, {source.stat().st_size:,} bytes, sha256 {sha256_of(source)}"
    convert(out, tmp_path / "again.h5")
    again = ta.load(tmp_path / "again.h5")
    assert (again.input, again.source) == (net.input, net.source)


def test_a_conversion_that_fails_leaves_what_was_there(tmp_path):
    net = ta.vgg("A", width=1 / 16, classes=3, size=32, dense=(4, 4))
    state = torch_state(net)
    state["classifier.6.weight"] = np.full((3, 4), np.nan, np.float32)  # the last kernel
    (tmp_path / "w.pth").write_bytes(legacy(state))
    (tmp_path / "out.h5").write_bytes(b"before")
    with pytest.raises(ta.InputError, match=r"w\.pth.*classifier\.6\.weight holds nan"):
        convert(tmp_path / "w.pth", tmp_path / "out.h5", family="oxford", size=32)
    assert (tmp_path / "out.h5").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.h5", "w.pth"]
    assert main(["weights", "convert", str(tmp_path / "w.pth"), str(tmp_path / "w.pth")]) == 1


def test_what_goes_wrong_with_the_new_file_is_not_blamed_on_the_old_one(tmp_path, monkeypatch):
    source = FOLDER / "pytorch" / "mini_tv_zip.pth"
    with pytest.raises(ta.InputError, match="^no folder .* to write 'out.h5' into"):
        convert(source, tmp_path / "nowhere" / "out.h5", family="oxford", size=64)

    def full(*arguments):
        raise OSError(errno.ENOSPC, "file write failed")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ta.InputError, match="^'[^']*out.h5' cannot be written: No space left on device$"):
        convert(source, tmp_path / "out.h5", family="oxford", size=64)
    assert not any(tmp_path.iterdir())


def test_names_in_any_alphabet(tmp_path):
    path = tmp_path / "Größe 重み.safetensors"
    path.write_bytes((FOLDER / "pytorch" / "mini_timm.safetensors").read_bytes())
    convert(path, tmp_path / "aus ü.h5", family="oxford", size=64)
    net = ta.load(tmp_path / "aus ü.h5")
    assert net.source.startswith("Größe 重み.safetensors, 26,220 bytes")
    named = replace(net, name="Netz ü", classes=tuple("äöüß重み!"))
    ta.save(named, tmp_path / "w.h5")
    again = ta.load(tmp_path / "w.h5")
    assert (again.name, again.classes) == (named.name, named.classes)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """(37 MB of weights in five formats, bytes of all, bytes of the largest array)."""
    net = ta.vgg("A", width=1 / 4, classes=1000, seed=2)
    folder = tmp_path_factory.mktemp("wide")
    state = torch_state(net)
    (folder / "w.pth").write_bytes(legacy(state))
    (folder / "w.safetensors").write_bytes(safetensors(state))
    zipped(folder / "zip.pth", state)
    write(folder / "official.h5", net.weights, "keras-2016")
    ta.save(net, folder / "own.h5")
    sizes = [w.nbytes for arrays in net.weights.values() for w in arrays]
    return folder, sum(sizes), max(sizes)


def needed(work):
    """Bytes that `work` needs at most at once, and its result."""
    tracemalloc.start()
    result = work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, result


SLACK = 10 << 20  # a slab of 4 MiB as it is stored, one converted, and Python's own


@pytest.mark.parametrize("name", ["w.pth", "zip.pth", "w.safetensors", "official.h5", "own.h5"])
def test_memory(tmp_path, wide, name):
    folder, everything, largest = wide
    peak, net = needed(lambda: ta.load(folder / name))
    assert net.parameters * 4 == everything
    assert peak < everything + SLACK
    if name != "own.h5":
        peak, _ = needed(lambda: convert(folder / name, tmp_path / "own.h5", family="oxford"))
        assert peak < largest + SLACK < everything


def full_size(first=4, last=4):
    """{layer: (kernel, bias)} of a VGG19 that is narrow but for its first or its last block."""
    rng = np.random.default_rng(0)
    shapes = vgg_shapes("E", (first, 4, 4, 4, last), (4, 4), 10, 32)
    return {n: (rng.standard_normal(k, np.float32), rng.standard_normal(k[-1], np.float32)) for n, k in shapes.items()}


def test_published_numbers_say_whose_training_it_is(shared, tmp_path):
    """block5_conv4 of Oxford's VGG19 and block1_conv1 of torchvision's, in networks that are otherwise random."""
    facts = json.loads((shared / "weights_examples" / "vgg19_real_facts.json").read_text())["torchvision_vgg19"]
    tail = np.load(shared / "weights_examples" / "vgg19_keras_block5_conv4_tail.npz")
    oxford = full_size(last=512)
    kernel, _ = oxford["block5_conv4"]
    kernel[2, 2, 315:] = tail["kernel_22_tail"]
    oxford["block5_conv4"] = kernel, tail["bias"]
    torchvision = full_size(first=64)
    for unit in (0, 63):
        torchvision["block1_conv1"][0][..., unit] = np.transpose(facts[f"features.0.weight[{unit}]"], (1, 2, 0))
    for family, other, weights in (("oxford", "torchvision", oxford), ("torchvision", "oxford", torchvision)):
        net = ta.load(write(tmp_path / "w.h5", weights, "keras-3"), size=32)
        assert net.input.mean == FAMILIES[family].mean
        with pytest.raises(ta.InputError, match=f"family '{other}' cannot be right: its numbers are those of VGG19, trained"):
            ta.load(tmp_path / "w.h5", family=other, size=32)
    torchvision["block1_conv1"][0][0, 0, 0, 0] *= 1.001
    assert ta.load(write(tmp_path / "w.h5", torchvision, "keras-3"), size=32).input is None
