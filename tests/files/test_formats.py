"""Weight files: every HDF5 layout reads back bit for bit, and nothing hostile is read at all."""

import os
import shutil
import zipfile

import h5py
import numpy as np
import pytest

import tinyattr as ta
from tests.files.layouts import write
from tests.references import FOLDER
from tinyattr.files.embedded import embedded
from tinyattr.files.formats import open_weights
from tinyattr.files.load import convert
from tinyattr.files.show import show_file
from tinyattr.files.verify import verify
from tinyattr.files.vgg import vgg_shapes
from tinyattr.softmax import softmax


@pytest.fixture(scope="module")
def small():
    net = ta.vgg("E", width=1 / 16, classes=7, size=64, dense=(10, 11), seed=5)
    rng = np.random.default_rng(0)
    biased = {n: (kernel, rng.standard_normal(len(bias), np.float32)) for n, (kernel, bias) in net.weights.items()}
    return ta.network(net.layers, biased)


def same(a, b):
    return a.weights.keys() == b.weights.keys() and all(
        (v == w).all() and v.dtype == w.dtype for n in a.weights for v, w in zip(a.weights[n], b.weights[n], strict=True)
    )


@pytest.mark.parametrize("layout", ["tinyattr-bare", "keras-2016", "keras-weights", "keras-3"])
def test_layouts(small, tmp_path, layout):
    path = write(tmp_path / "w.h5", small.weights, layout)
    with open_weights(path) as file:
        assert file.layout == layout.replace("tinyattr-bare", "keras-weights")
    net = ta.load(path)
    assert same(net, small)
    assert net.name == "VGG19"
    x = np.random.default_rng(0).standard_normal((1, 64, 64, 3))
    assert (net(x) == small(x)).all()


def test_a_whole_model_must_say_its_layers(small, tmp_path):
    """It is never guessed by shapes what a whole model's layers do."""
    write(tmp_path / "model.weights.h5", small.weights, "keras-3")
    for config, words in (({"config.json": "{}"}, "config describes no Keras model"), ({}, r"without config\.json")):
        with zipfile.ZipFile(tmp_path / "w.keras", "w") as archive:
            archive.write(tmp_path / "model.weights.h5", "model.weights.h5")
            for name, text in config.items():
                archive.writestr(name, text)
        with pytest.raises(ta.InputError, match=words):
            ta.load(tmp_path / "w.keras")
    with pytest.raises(ta.InputError, match="no config of the model"):
        ta.load(write(tmp_path / "w.h5", small.weights, "keras-model"))


def test_a_keras_zip(small, tmp_path):
    write(tmp_path / "model.weights.h5", small.weights, "keras-3")
    with zipfile.ZipFile(tmp_path / "no.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ta.InputError, match=r"without model\.weights\.h5"):
        ta.load(tmp_path / "no.keras")
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "model.weights.h5", "model.weights.h5")
    with pytest.raises(ta.InputError, match="is compressed"):
        ta.load(tmp_path / "bomb.keras")


def test_layers_beyond_ten_are_ordered_as_numbers(small, tmp_path):
    """HDF5 lists conv2d_10 before conv2d_2."""
    with open_weights(write(tmp_path / "w.h5", small.weights, "keras-3")) as file:
        assert [n for n in file.shapes if n.startswith("conv")] == ["conv2d"] + [f"conv2d_{i}" for i in range(1, 16)]


@pytest.mark.parametrize("name", [
    "mini_k3.weights.h5", "mini_k3.keras", "mini_k3_whole_model.h5", "mini_tfk.weights.h5", "mini_tfk.keras",
    "mini_tfk_save_weights.h5", "mini_tfk_whole_model.h5",
])
def test_files_written_by_keras_give_kerass_output(name):
    reference = np.load(FOLDER / "keras" / "mini_ref.npz")
    net = ta.load(FOLDER / "keras" / name)
    for i, array in enumerate(w for arrays in net.weights.values() for w in arrays):
        assert (array == reference[f"w{i:02d}"]).all()
    assert np.abs(softmax(net(reference["x"])) - reference["y"]).max() < 1e-6


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ">f4"])
def test_other_float_types_are_converted(small, tmp_path, dtype):
    weights = {n: tuple(w.astype(dtype) for w in arrays) for n, arrays in small.weights.items()}
    net = ta.load(write(tmp_path / "w.h5", weights, "keras-weights"))
    assert net.dtype == np.float32
    assert (net.weights["fc1"][0] == weights["fc1"][0].astype(np.float32)).all()


@pytest.mark.parametrize("layout", ["keras-2016", "keras-weights"])
def test_a_layout_does_not_say_whose_training_it_is(small, tmp_path, layout):
    photo = np.full((64, 64, 3), (0, 128, 255), np.uint8)
    unknown = ta.load(write(tmp_path / "w.h5", small.weights, layout))
    with pytest.raises(ta.InputError, match="load it with family='oxford' or 'torchvision'"):
        unknown.read(photo)
    with pytest.raises(ta.InputError, match="fit pictures of 64 to 95 pixels; give the size: size=64"):
        ta.load(tmp_path / "w.h5", family="oxford")
    for size in (63, 96):
        with pytest.raises(ta.InputError, match="cannot be right: the network takes pictures of 64 to 95 pixels"):
            ta.load(tmp_path / "w.h5", family="oxford", size=size)
    told = ta.load(tmp_path / "w.h5", family="oxford", size=64)
    assert np.allclose(told.read(photo)[0, 0, 0], [255 - 103.939, 128 - 116.779, -123.68])
    told = ta.load(tmp_path / "w.h5", family="TorchVision", size=64)
    assert np.allclose(told.read(photo)[0, 0, 0], (np.array([0, 128 / 255, 1]) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225])
    for family, words in (("oxfort", "unknown family 'oxfort'; did you mean oxford"),
                          ("squeezenet-caffe", "cannot be right: a VGG19 is oxford or torchvision")):
        with pytest.raises(ta.InputError, match=words):
            ta.load(tmp_path / "w.h5", family=family)
    with pytest.raises(ta.InputError, match="the file says itself how photos are preprocessed"):
        ta.load("glyphs", family="oxford")


def test_own_files_keep_everything(small, tmp_path):
    demo = ta.load("glyphs")
    ta.save(demo, tmp_path / "demo.h5")
    again = ta.load(tmp_path / "demo.h5")
    assert same(again, demo)
    assert again.input == demo.input
    assert (again.name, again.source, again.classes) == (demo.name, demo.source, demo.classes)
    with pytest.raises(ta.InputError, match="the file says itself how photos are preprocessed"):
        ta.load(tmp_path / "demo.h5", family="oxford")
    named = ta.vgg("A", width=1 / 16, classes=["cat", "dog"], size=32)
    ta.save(named, tmp_path / "named.h5")
    assert ta.load(tmp_path / "named.h5").classes == ("cat", "dog")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo.h5", "named.h5"]
    broken = ta.network(named.layers, {**named.weights, "fc2": (named.weights["fc2"][0] * np.float32(np.nan), named.weights["fc2"][1])})
    with pytest.raises(ta.InputError, match="fc2/kernel holds nan"):
        ta.save(broken, tmp_path / "broken.h5")
    with pytest.raises(ta.InputError, match="no folder"):
        ta.save(demo, tmp_path / "nowhere" / "demo.h5")


def test_an_interrupted_save_leaves_the_old_file(small, tmp_path, monkeypatch):
    path = tmp_path / "w.h5"
    ta.save(small, path)
    before = path.read_bytes()
    monkeypatch.setattr(h5py.Group, "create_dataset", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        ta.save(small, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def damage(path, small, change):
    """A file in Keras' layout with the one change that `change(file)` makes."""
    write(path, small.weights, "keras-weights")
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replace(name, **options):
    def change(file):
        del file[name]
        file.create_dataset(name, **options)
    return change


FC2 = "fc2/fc2/kernel:0"


def relink(link):
    def change(file):
        del file[FC2]
        file[FC2] = link
    return change


def shared_groups(file):
    """50 groups with 50 with 50 members in each of 50 layers, every group the same: six million ways through 200 groups."""
    a, b, c = (file.create_group(name) for name in ("a", "a/b", "a/b/c"))
    for i in range(50):
        file[f"a{i}"], a[f"b{i}"], b[f"c{i}"] = a, b, c
        c.create_group(f"d{i}")


@pytest.mark.parametrize(("change", "words"), [
    (relink(h5py.SoftLink("/fc1/fc1/kernel:0")), "link to another place"),
    (relink(h5py.ExternalLink("other.h5", "/x")), "link to another place"),
    (replace(FC2, shape=(10, 11), dtype="f4", external=[("other.bin", 0, 440)]), "in another file"),
    (replace(FC2, shape=(10, 11), dtype="f4"), "never written"),
    (replace(FC2, shape=(10, 11), dtype="f4", chunks=(5, 11)), "never written"),
    (replace(FC2, data=np.ones((10, 11), "f4"), chunks=(10, 11), maxshape=(None, None)), None),
    (replace(FC2, data=np.ones((10, 11), "i4")), "type int32"),
    (replace(FC2, data=np.ones((10, 11), "c8")), "type complex64"),
    (replace(FC2, data=np.full((10, 11), b"x", "S1")), "type |S1"),
    (replace(FC2, shape=(1 << 20, 1 << 20), dtype="f4", chunks=(1, 1 << 16)), "never written"),
    (replace(FC2, shape=(10, 11), dtype="f4", data=np.ones((10, 11)), chunks=(1 << 10, 1 << 10), maxshape=(None, None)), "chunks"),
    (replace(FC2, data=np.zeros((10, 11), "f4")), "all zeros"),
    (replace(FC2, data=np.full((10, 11), np.nan, "f4")), "holds nan"),
    (replace(FC2, data=np.full((10, 11), np.inf, "f4")), "holds inf"),
    (replace(FC2, data=np.full((10, 11), -2e4, "f4")), "holds 20000"),
    (replace(FC2, data=np.ones((11, 10), "f4")), "layer 'fc2' has kernel"),
    (replace(FC2, data=np.ones((10, 11, 1), "f4")), "one kernel"),
    (replace("fc2/fc2/bias:0", data=np.ones((10, 11), "f4")), "one kernel"),
    (lambda f: f.__delitem__("fc2"), "neither a whole VGG"),
    (lambda f: f["fc2"].create_dataset("more", data=np.ones(3, "f4")), "more than a kernel and a bias"),
    (lambda f: f["fc2"].__setitem__("loop", f["fc2"]), "more than a kernel and a bias|too deep"),
    (lambda f: [f.create_group(f"g{i}") for i in range(1100)], "members"),
    (shared_groups, "members"),
    (lambda f: f.__setitem__("model_weights", np.ones(3)), "no config of the model"),
    (replace(FC2, data=h5py.Empty("f4")), "is not an array"),
    (lambda f: f.create_group("deep/" + "/".join("abcdef")), "too deep"),
])
def test_what_is_refused(small, tmp_path, change, words):
    path = damage(tmp_path / "w.h5", small, change)
    if words is None:
        assert (ta.load(path).weights["fc2"][0] == 1).all()
    else:
        with pytest.raises(ta.InputError, match=words) as error:
            ta.load(path)
        assert "\n" not in str(error.value)


def test_virtual_datasets_are_refused(small, tmp_path):
    def change(file):
        del file[FC2]
        virtual = h5py.VirtualLayout((10, 11), "f4")
        virtual[:] = h5py.VirtualSource("other.h5", "x", (10, 11))
        file.create_virtual_dataset(FC2, virtual)

    with pytest.raises(ta.InputError, match="in another file"):
        ta.load(damage(tmp_path / "w.h5", small, change))


@pytest.mark.parametrize(("attribute", "value"), [
    ("input", "5"), ("input", '"x"'), ("input", "[1]"), ("input", "{}"), ("input", "not json"), ("classes", "5"), ("classes", '"ab"'),
    ("classes", "[1, 2]"), ("version", "99"), ("input", '{"size": "32"}'), ("input", '{"size": 32.5}'), ("input", '{"size": 0}'),
    ("input", '{"size": 32, "mean": [1, 2]}'), ("input", '{"size": 32, "mean": "abc"}'), ("input", '{"size": 32, "scale": [1, 0, 1]}'),
    ("input", '{"size": 32, "scale": [1, "a", 2]}'), ("input", '{"size": 32, "order": "GBR"}'), ("input", '{"size": 32, "resize": "x"}'),
])
def test_own_files_of_version_1_with_false_attributes(tmp_path, attribute, value):
    shutil.copy(embedded("weights/glyphs.h5"), tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        file.attrs[attribute] = np.bytes_(value)
    with pytest.raises(ta.InputError):
        ta.load(tmp_path / "w.h5")


def test_a_flipped_bit_is_found_and_named(tmp_path):
    ta.save(ta.vgg("A", width=1 / 16, classes=3, size=32, dense=(4, 4)), tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        kernel = file["weights/block3_conv2/kernel"][...]
        kernel.view(np.uint32)[1, 1, 2, 3] ^= 1
        file["weights/block3_conv2/kernel"][...] = kernel
    with pytest.raises(ta.InputError, match="block3_conv2/kernel is damaged"):
        ta.load(tmp_path / "w.h5")


def test_names_that_are_not_text(small, tmp_path):
    path = damage(tmp_path / "w.h5", small, lambda file: h5py.h5g.create(file.id, b"caf\xe9"))
    with pytest.raises(ta.InputError, match=r"w\.h5"):
        ta.load(path)


def test_an_error_that_quotes_the_file_cannot_command_the_terminal(small, tmp_path):
    def change(file):
        del file[FC2]
        file["fc2/fc2/\x1b[2J'w.h5'"] = np.ones((10, 11), "i4")

    with pytest.raises(ta.InputError, match="has type int32") as error:
        ta.load(damage(tmp_path / "w.h5", small, change))
    assert str(error.value).isprintable()


def test_a_small_file_cannot_ask_for_much_memory(tmp_path):
    """Sparse: 400 million numbers declared and allocated, none written."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, kernel in vgg_shapes("A", (4, 4, 4, 4, 4), (20_000, 20_000), 10, 32).items():
            group = file.create_group(name)
            for what, shape in ((b"kernel", kernel), (b"bias", kernel[-1:])):
                h5py.h5d.create(group.id, what, h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(shape), plist)
    with pytest.raises(ta.InputError, match="declares 4e"):
        ta.load(tmp_path / "w.h5")


@pytest.mark.parametrize("content", [
    b"", b"<html></html>", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", b"PK\x03\x04 not really",
    b"\x80\x02}q\x00.", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 8,
])
def test_other_files(tmp_path, content):
    path = tmp_path / "w.h5"
    path.write_bytes(content)
    with pytest.raises(ta.InputError, match=r"w\.h5"):
        ta.load(path)


def test_truncated_files(small, tmp_path):
    complete = write(tmp_path / "w.h5", small.weights, "keras-weights").read_bytes()
    for length in (100, 3000, len(complete) // 2, len(complete) - 100):
        (tmp_path / "cut.h5").write_bytes(complete[:length])
        with pytest.raises(ta.InputError, match=r"cut\.h5"):
            ta.load(tmp_path / "cut.h5")


@pytest.mark.parametrize("read", [ta.load, show_file, verify, lambda path: convert(path, path.parent / "out.h5")])
def test_missing_files_folders_and_pipes(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.h5", tmp_path, tmp_path / "pipe"):
        with pytest.raises(ta.InputError, match="no weight file at"):
            read(path)


def test_folders_are_called_folders(tmp_path):
    with pytest.raises(ta.InputError, match="a folder; give the path of a file in it"):
        ta.load(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ta.InputError, match=r"a SavedModel folder of TensorFlow, .*model\.save\('model\.keras'\)"):
        ta.load(tmp_path)


def test_a_file_without_permission(small, tmp_path, monkeypatch):
    """Not called damaged."""
    path = write(tmp_path / "w.h5", small.weights, "keras-2016")
    monkeypatch.setattr("builtins.open", lambda *a, **k: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(ta.InputError, match=r"'w\.h5' cannot be read: no permission"):
        ta.load(path)


def test_a_full_size_official_file(tmp_path):
    """574 MB in the layout of keras.applications: all 143,667,240 numbers come back."""
    net = ta.vgg("E", seed=1)
    again = ta.load(write(tmp_path / "vgg19.h5", net.weights, "keras-2016"))
    (tmp_path / "vgg19.h5").unlink()
    assert again.parameters == 143_667_240
    assert same(again, net)
    assert again.label(805) == "soccer ball (805)"
    assert again.input is None
