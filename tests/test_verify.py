"""`weights show` and `weights verify`: what they compare, and that a single wrong bit is found and named."""

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image

import tinyattr as ta
from tests.files.layouts import write
from tests.files.torch_files import legacy, torch_state
from tinyattr.cli.main import main
from tinyattr.files.embedded import embedded
from tinyattr.files.fetch import FETCHABLE, sha256_of
from tinyattr.files.load import convert
from tinyattr.files.registry import REGISTRY
from tinyattr.files.show import show_file
from tinyattr.files.verify import check_photo, passed, verify
from tinyattr.nets.pictures import FAMILIES
from tinyattr.softmax import softmax


def outcomes(checks):
    return {check.what: check.outcome for check in checks}


def flip(path, name, index):
    """Another last bit in one number of a dataset."""
    with h5py.File(path, "r+") as file:
        numbers = file[name][...]
        numbers.view(np.uint32)[index] ^= 1
        file[name][...] = numbers


def test_the_embedded_network(capsys):
    assert main(["weights", "verify", "glyphs"]) == 0
    out = capsys.readouterr().out
    assert "all 38 have the sha256 that was written with them" in out
    assert out.endswith("verified\n")
    assert main(["weights", "show", "glyphs"]) == 0
    out = capsys.readouterr().out
    for words in ("VGG19, 38 arrays, 734,300 numbers", "tinyattr, as the file says", "block5_conv4", sha256_of(embedded("weights/glyphs.h5"))):
        assert words in out


@pytest.mark.parametrize(("layer", "what"), [("block1_conv1", "kernel"), ("block5_conv4", "bias"), ("fc1", "kernel")])
def test_one_bit_of_a_file_of_our_own(tmp_path, capsys, layer, what):
    net = ta.vgg("E", width=1 / 16, classes=3, size=32, dense=(4, 4))
    ta.save(net, tmp_path / "w.h5")
    assert passed(verify(tmp_path / "w.h5"))
    flip(tmp_path / "w.h5", f"weights/{layer}/{what}", 0)
    assert main(["weights", "verify", str(tmp_path / "w.h5")]) == 1
    captured = capsys.readouterr()
    assert f"{layer}/{what} is damaged: its sha256 differs" in captured.out
    assert captured.err == "tinyattr: not verified: arrays\n"


def test_one_bit_of_squeezenet_in_any_file(shared, tmp_path):
    """The digests of its arrays are known, whoever wrote the file."""
    original = shared / "weights_examples" / "squeezenet_v1.0_dc.h5"
    checks = verify(original, [shared / "images" / "beagle.jpg", shared / "images" / "corn.jpg"])
    assert [(c.what, c.outcome) for c in checks[-5:]] == [
        ("arrays", "-"), ("numbers", "ok"), ("family", "ok"), ("photo", "ok"), ("photo", "-")]
    assert "all 52 arrays match those of SqueezeNet v1.0 after deep compression" in str(checks[3])
    convert(original, tmp_path / "own.h5")
    assert outcomes(verify(tmp_path / "own.h5"))["numbers"] == "ok"
    net = ta.load(original)
    ta.save(replace(net, input=replace(FAMILIES["torchvision"], size=227)), tmp_path / "own.h5")
    assert "torchvision, as the file says, but its numbers are those of SqueezeNet" in str(verify(tmp_path / "own.h5")[-1])
    assert not passed(verify(tmp_path / "own.h5"))
    shutil.copy(original, tmp_path / "w.h5")
    (tmp_path / "w.h5").chmod(0o644)
    flip(tmp_path / "w.h5", "fire5_expand3x3/kernel", (1, 1, 0, 0))
    checks = verify(tmp_path / "w.h5")
    assert outcomes(checks)["numbers"] == "FAILED"
    assert "fire5_expand3x3/kernel differ from those of SqueezeNet v1.0 after deep compression; 51 other" in str(checks[3])


def test_a_vgg16_is_called_one(tmp_path):
    net = ta.vgg("D", width=1 / 16, classes=3, size=32, dense=(4, 4))
    (tmp_path / "vgg19.pth").write_bytes(legacy(torch_state(net)))
    assert "VGG16, which is not VGG19" in "\n".join(map(str, verify(tmp_path / "vgg19.pth", size=32)))
    assert "VGG16, which is not VGG19" in show_file(tmp_path / "vgg19.pth", size=32)


def test_nothing_known_is_not_verified_and_a_family_is_asked_for(tmp_path, capsys):
    net = ta.vgg("E", width=1 / 16, classes=3, size=32, dense=(4, 4))
    path = str(write(tmp_path / "w.h5", net.weights, "keras-2016"))
    assert main(["weights", "verify", path, "--size", "32"]) == 1
    captured = capsys.readouterr()
    assert "say who trained it with --family oxford or torchvision" in captured.out
    assert "we know nothing to compare this file with" in captured.err
    assert "photo     -       beagle.jpg: not classified" in "\n".join(map(str, verify(path, ["beagle.jpg"], size=32)))
    assert main(["weights", "show", path, "--family", "oxford", "--size", "32"]) == 0
    out = capsys.readouterr().out
    for words in ("keras-2016", "oxford, as given", "32 x 32, BGR, minus (103.939, 116.779, 123.68)", "3 x 3 x 3 x 4"):
        assert words in out


def test_the_figures_are_those_that_were_printed(shared):
    facts = json.loads((shared / "weights_examples" / "vgg19_real_facts.json").read_text())
    printed, oxford = facts["keras_vgg19"], REGISTRY["vgg19"]
    black = printed["black_image"]
    assert oxford.black == [black["prob_min"], black["prob_max"], black["mean_sq_dev_from_uniform"]]
    assert {f"{stem}.jpg": c for stem, (c, _) in oxford.photos.items()} == {
        photo: c for photo, (c, _, _) in printed["top1_percent"].items()}
    assert all(100 * p == pytest.approx(printed["top1_percent"][f"{stem}.jpg"][2]) for stem, (_, p) in oxford.photos.items())
    for published in (oxford, REGISTRY["vgg19-torchvision"]):
        assert (published.bytes, published.sha256) == tuple(facts["files"][published.file][key] for key in ("bytes", "sha256"))
    assert REGISTRY["vgg19-timm"].sha256 == facts["files"]["timm/vgg19.tv_in1k model.safetensors"]["sha256"]


def test_a_black_picture(tmp_path, monkeypatch):
    """Figures of a network of ours stand for the published ones: they hold for it, and not once a kernel is changed."""
    net = ta.vgg("E", width=1 / 16, classes=1000, size=32, dense=(8, 8), seed=3)
    weights = dict(net.weights)
    weights["predictions"] = (weights["predictions"][0] / 100, weights["predictions"][1])
    x = np.broadcast_to(-np.array([103.939, 116.779, 123.68]), (1, 32, 32, 3))
    y = softmax(ta.network(net.layers, weights)(x))[0]
    figures = (y.min(), y.max(), np.mean((y - 0.001) ** 2))
    assert figures[1] > 1.1e-3
    monkeypatch.setitem(REGISTRY, "vgg19", replace(REGISTRY["vgg19"], black=figures, marks=()))
    write(tmp_path / "w.h5", weights, "keras-2016")
    checks = verify(tmp_path / "w.h5", family="oxford", size=32)
    assert outcomes(checks)["black"] == "ok"
    assert passed(checks)
    weights["block3_conv1"] = (weights["block3_conv1"][0][:, :, :, ::-1], weights["block3_conv1"][1])
    write(tmp_path / "w.h5", weights, "keras-2016")
    assert outcomes(verify(tmp_path / "w.h5", family="oxford", size=32))["black"] == "FAILED"
    assert "black" not in outcomes(verify(tmp_path / "w.h5", family="torchvision", size=32))


def test_a_published_file_by_its_digest(tmp_path, monkeypatch):
    net = ta.vgg("E", width=1 / 16, classes=3, size=32, dense=(4, 4))
    path = write(tmp_path / "w.h5", net.weights, "keras-2016")
    monkeypatch.setitem(FETCHABLE, "vgg19", replace(REGISTRY["vgg19"], sha256=sha256_of(path), bytes=path.stat().st_size))
    assert outcomes(verify(path, size=32))["file"] == "ok"
    convert(path, tmp_path / "own.h5", family="oxford", size=32)
    flip(path, "fc2/fc2_W_1:0", (1, 2))
    assert outcomes(verify(path, size=32))["file"] == "FAILED"
    with pytest.raises(ta.InputError, match="name or size of the file of VGG19, trained in Oxford .* get it again"):
        convert(path, tmp_path / "own2.h5", family="oxford", size=32)


def test_photos_of_the_authors_are_known_by_name(tmp_path, monkeypatch):
    Image.new("RGB", (40, 40), (200, 30, 90)).save(tmp_path / "pick.png")
    net = ta.load("glyphs")
    c = int(np.argmax(net(net.read(tmp_path / "pick.png"))))
    for published, outcome in (({"pick": [c]}, "ok"), ({"pick": [c, 1.5]}, "FAILED"), ({"pick": [c ^ 1]}, "FAILED"), ({}, "-")):
        assert check_photo(net, tmp_path / "pick.png", published).outcome == outcome
