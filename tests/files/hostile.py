"""Files that mean harm or were harmed, and what to say to each.

python -m tests.files.hostile FOLDER     loads every file of a folder; prints [file, error, megabytes needed so far]
"""

import io
import json
import resource
import signal
import struct
import sys
import zipfile
import zlib
from functools import cache
from pathlib import Path

import h5py
import numpy as np

import tinyattr as ta
from tests.files import torch_files as t
from tests.files.keras_files import conv, functional, keras_zip, layer, reads, sequential, whole_model
from tinyattr.files.pth import LEGACY_START

SECONDS = 20  # after which a file counts as one that hangs the reader
NET = ta.vgg("A", width=1 / 16, classes=3, size=64, dense=(4, 4))
STATE = t.torch_state(NET)
WEIGHT = "classifier.3.weight"  # (4, 4), at place 18 of the storages
PLACE = str(list(STATE).index(WEIGHT))


def hdf5(change=None, own=False):
    """Bytes of an HDF5 file after `change(file)`."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, (kernel, bias) in NET.weights.items():
            file[f"{name}/kernel"], file[f"{name}/bias"] = kernel, bias
        if own:
            texts = {"format": "tinyattr", "version": "1", "network": "n", "source": "s", "input": "null", "classes": "null", "sha256": "{}"}
            for name, text in texts.items():
                file.attrs[name] = np.bytes_(text)
        if change:
            change(file)
    return buffer.getvalue()


def bomb(shape, chunks, stored):
    """A kernel whose one chunk holds `stored`."""
    def change(file):
        del file["fc2/kernel"]
        d = file.create_dataset("fc2/kernel", shape, "f4", chunks=chunks, compression="gzip", maxshape=(None,) * len(shape))
        d.id.write_direct_chunk((0,) * len(shape), stored)
    return hdf5(change)


@cache
def zeros(megabytes):
    """So many megabytes of zeros, compressed."""
    deflate = zlib.compressobj(9)
    return b"".join(deflate.compress(bytes(1 << 20)) for _ in range(megabytes)) + deflate.flush()


def swollen(file):
    """Arrays of 40 MB in a file of 0.3."""
    for name, shape in (("fc1", (32, 2000)), ("fc2", (2000, 5000)), ("predictions", (5000, 3))):
        del file[name]
        file.create_dataset(f"{name}/kernel", data=np.ones(shape, "f4"), compression="gzip")
        file[f"{name}/bias"] = np.ones(shape[1], "f4")


def archive(members, **options):
    """Bytes of a zip file {name: content}."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def torch_zip(pickle=None, **members):
    data = {f"archive/data/{i}": a.tobytes() for i, a in enumerate(STATE.values())}
    return archive({"archive/data.pkl": pickle or t.state_dict(STATE), **data, **members})


def pickled(*instructions):
    """A legacy stream whose object is these instructions."""
    return LEGACY_START + b"." + t.PROTOCOL + t.number(1001) + b"." + t.PROTOCOL + b"}" + t.text("little_endian") + b"\x88s." + (
        t.PROTOCOL + b"".join(instructions) + b"." + t.PROTOCOL + b"].")


def described(shape, strides, offset=0, count=16, key=PLACE, dtype="f4"):
    """The torch zip with another description of one tensor."""
    return torch_zip(t.state_dict(STATE, **{WEIGHT: t.tensor(key, dtype, count, shape, strides, offset)}))


def header(entries, data=b"", length=None):
    content = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(content) if length is None else length) + content + data


def entry(**changes):
    return t.safetensors(STATE, **{WEIGHT: {"dtype": "F32", "shape": [4, 4], "data_offsets": offsets(), **changes}})


def offsets():
    at = sum(a.nbytes for a in list(STATE.values())[: int(PLACE)])
    return [at, at + 64]


def flipped(content, array):
    """One bit of an array's bytes."""
    at = content.index(np.ascontiguousarray(array).tobytes()) + 5
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def longer(content, member):
    """A zip file whose directory says that this member has 4 GB."""
    at = content.rindex(member.encode()) - 46  # a directory's entry has 46 bytes before the name, both sizes from the 20th
    return content[: at + 20] + b"\xfe\xff\xff\xff" * 2 + content[at + 28 :]


def attribute(name, value):
    return hdf5(lambda file: file.attrs.__setitem__(name, value), own=True)


def models():
    """{name: (content, words of the error)} of whole Keras models."""
    config = sequential([conv("conv2d", 2), layer("GlobalMaxPooling2D", "pool")])
    model = whole_model(config, {"conv2d/conv2d/kernel:0": np.ones((3, 3, 3, 2), "f4"), "conv2d/conv2d/bias:0": np.ones(2, "f4")})
    place = model.index(b"model_config\0") + 16 + 24 + 8  # name, type and dataspace of an attribute stand before its text's place
    length, heap, index = struct.unpack_from("<IQI", model, place)

    def leads(*changed):
        return model[:place] + struct.pack("<IQI", *changed) + model[place + 16 :]

    def doubled(depth):
        """A model of two calls of a model of two calls ..."""
        inner = layer("Dropout", "d0", [reads(("i", 0)), reads(("d0", 0))])
        for n in range(1, depth):
            inner = {**functional([layer("InputLayer", "i", [], batch_shape=[None, 8, 8, 3]), inner], [["i", 0, 0]],
                                  [[f"d{n - 1}", 1, 0]], f"d{n}"), "inbound_nodes": [reads(("i", 0)), reads((f"d{n}", 0))]}
        return inner

    chain = [layer("InputLayer", "i", [], batch_shape=[None, 8, 8, 3]), *(
        layer("Dropout", f"d{n}", [reads((f"d{n + 1}" if n < 9999 else "i", 0))]) for n in range(10_000))]
    circle = [chain[0], *(layer("Dropout", f"d{n}", [reads((f"d{(n + 1) % 9000}", 0))]) for n in range(9000))]
    wide = sequential([layer("Dropout", "d") for _ in range(20_000)])
    return {
        "config nested 100,000 deep": (keras_zip("[" * 100_000), "recursion"),
        "config of 3 MB": (keras_zip(json.dumps({"class_name": "x" * 3_000_000, "config": {}})), "its config has 3,000,0.. bytes"),
        "config with NaN": (keras_zip('{"class_name": NaN, "config": {}}'), "holds NaN, which is not a number"),
        "config with a number of a million digits": (keras_zip('{"class_name": ' + "9" * 1_000_000 + ', "config": {}}'), "digits"),
        "class with a long name": (keras_zip({"class_name": "x" * 1_000_000, "config": {}}), "code that tinyattr never runs"),
        "layer of Keras with a long name": (keras_zip(sequential([layer("Dropout", "x" * 1_000_000)])), "name is too long or not printable"),
        "Lambda with code": (keras_zip(sequential([layer("Lambda", "f", function=["4wEAAAA=", None, None])])), "'Lambda'"),
        "models 11 deep": (keras_zip(doubled(12)), "its models are nested more than 8 deep"),
        "models that call each other 12^6 times": (keras_zip(twelve(6)), "called more than 3000 times"),
        "20,000 layers": (keras_zip(wide), "called more than 3000 times"),
        "10,000 calls in reverse": (keras_zip(functional(chain, [["i", 0, 0]], [["d0", 0, 0]])), "called more than 3000 times"),
        "circle of 9,000 calls": (keras_zip(functional(circle, [["i", 0, 0]], [["d0", 0, 0]])), "in a circle"),
        "x / 0": (keras_zip(functional([layer("InputLayer", "i", [], batch_shape=[None, 8, 8, 3]), {
            "module": "keras.src.ops.numpy", "class_name": "Divide", "config": {"name": "d"}, "name": "d", "inbound_nodes": [{"args": [
                {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 0]}}, 0.0]}]}], [["i", 0, 0]], [["d", 0, 0]])), "it divides by 0"),
        "x + a list of lists, 500 deep": (keras_zip(functional([layer("InputLayer", "i", [], batch_shape=[None, 8, 8, 3]), {
            "class_name": "TFOpLambda", "config": {"name": "d", "function": "math.add"}, "name": "d",
            "inbound_nodes": [["i", 0, 0, {"y": json.loads("[" * 500 + "1" + "]" * 500)}]]}], [["i", 0, 0]], [["d", 0, 0]])), "."),
        "upsampled to 10^10 places": (keras_zip(sequential([layer("Resizing", "r", height=100_000, width=100_000)])), "larger than any network"),
        "one slope for 10^9 places": (keras_zip(sequential([layer("UpSampling2D", "u", size=500), layer("PReLU", "p", shared_axes=[1, 3]),
                                                            layer("GlobalMaxPooling2D", "g")], (16, 16, 3)),
                                                {"p_re_lu/vars/0": np.ones((1, 8000, 1), "f4")}), "it declares"),
        "config that is a list": (keras_zip([]), "describes no Keras model"),
        "layers that are numbers": (keras_zip(sequential([5, 6])), "damaged"),
        "groups that hold themselves": (whole_model(config, loops=True), "too deep|members"),
        "text of 2^31 bytes": (leads(1 << 31, heap, index), "declares 2,147,483,648 bytes"),
        "text longer than its heap's object": (leads(length + 9, heap, index), "not in the heap of texts"),
        "heap beyond the end": (leads(length, 1 << 62, index), "ends within|damaged"),
        "heap that is none": (leads(length, 0, index), "does not lead to a heap"),
        "object that is not in the heap": (leads(length, heap, 99), "not in the heap of texts"),
        "free space of the heap": (leads(length, heap, 0), "not in the heap of texts"),
        "header that continues in itself": (continued(model), "incorrect chunk number|larger than any that Keras writes"),
    }


def twelve(depth):
    """A model that calls a model twelve times, which calls one twelve times ..."""
    inner = layer("Dropout", "m0", [reads(("i", 0)) if n == 0 else reads(("m0", n - 1)) for n in range(12)])
    for n in range(1, depth):
        inner = {**functional([layer("InputLayer", "i", [], batch_shape=[None, 8, 8, 3]), inner], [["i", 0, 0]],
                              [[f"m{n - 1}", 11, 0]], f"m{n}"),
                 "inbound_nodes": [reads(("i", 0)) if k == 0 else reads((f"m{n}", k - 1)) for k in range(12)]}
    return inner


def continued(model):
    """The root's first message becomes one that continues at the header's own messages, for ever."""
    at = 96 + 16  # the root's object header has 16 bytes before its messages
    size = struct.unpack_from("<I", model, 96 + 8)[0]
    return model[:at] + struct.pack("<HHB3xQQ", 16, 16, 0, at, size) + model[at + 24 :]


def files():
    """{name: (content, words of the error)}."""
    keras = archive({"model.weights.h5": hdf5()})
    call = b"cos\nsystem\n(X\x04\x00\x00\x00true" + b"tR"
    return {
        **models(),
        "chunk that inflates far": (bomb((4, 4), (4, 4), zeros(30)), "larger than the numbers in it"),
        "chunk of 1 MiB that inflates far": (bomb((4, 4), (512, 512), zeros(300)), "chunk at .* is damaged"),
        "chunk that is cut": (bomb((4, 4), (512, 512), zeros(1)[:-3]), "chunk at .* is damaged"),
        "chunk of 1 GiB for 16 numbers": (bomb((4, 4), (1 << 14, 1 << 14), zeros(1)), "has chunks of"),
        "array 100 times the file": (hdf5(swollen), "declares 1.01e"),
        "one chunk for every number": (hdf5(lambda f: (f.__delitem__("fc2/kernel"), f["fc2"].create_dataset(
            "kernel", data=np.ones((100, 100), "f4"), chunks=(1, 1)))), "tiny chunks"),
        "lzf": (hdf5(lambda f: (f.__delitem__("fc2/kernel"), f["fc2"].create_dataset(
            "kernel", data=np.ones((4, 4), "f4"), compression="lzf"))), "h5repack"),
        "float of another format": (hdf5(other_float), "has type"),
        "gzip twice": (hdf5(gzip_twice), "supported are shuffle and gzip"),
        "classes nested 60,000 deep": (attribute("classes", np.bytes_("[" * 60_000)), "recursion"),
        "classes of variable length": (attribute("classes", json.dumps(["x" * 1000] * 4000)), "not a text of fixed length"),
        "attribute with many values": (attribute("source", np.full(1000, b"x")), "not a text of fixed length"),
        "source with a terminal's commands": (attribute("source", np.bytes_("\x1b[2J")), "cannot be printed"),
        "sha256 that is no table": (attribute("sha256", np.bytes_("[1, 2]")), "do not say"),
        "layer with a terminal's commands": (hdf5(lambda f: f.move("fc2", "\x1b[2J")), "name is too long or not printable"),
        "layer with a long name": (hdf5(lambda f: f.move("fc2", "x" * 50_000)), "name is too long or not printable"),
        "html": (b"<!DOCTYPE html><html>", "a web page"),
        "git-lfs pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        "plain pickle": (b"\x80\x04" + call + b".", "could run any program"),
        "nothing": (b"", "an empty file"),
        "keras with another bit": (flipped(keras, NET.weights["fc2"][0]), "CRC-32"),
        "compressed keras": (archive({"model.weights.h5": hdf5()}, compression=zipfile.ZIP_DEFLATED), "compressed"),
        "zip of zeros": (archive({"model.weights.h5": bytes(1 << 26)}, compression=zipfile.ZIP_DEFLATED), "compressed"),
        "other zip": (archive({"a": b"b"}), "without model.weights.h5"),
        "zip with 40,000 members": (archive({str(i): b"" for i in range(40_000)}), "zip directory is larger"),
        "zip that names a member twice": (twice(), "twice"),
        "zip whose directory leads outside": (keras[:-18] + b"\xff\xff\xff\x7f" * 4 + b"\0\0", "."),
        "os.system": (torch_zip(t.PROTOCOL + call + b"."), "needs 'os system', a whole model or another object that runs code"),
        "os.system in a legacy stream": (pickled(call), "needs 'os system'"),
        "builtins.eval by STACK_GLOBAL": (pickled(t.text("builtins"), t.text("eval"), b"\x93"), "needs 'builtins eval'"),
        "whole model": (pickled(b"c__main__\nNet\n)\x81"), "save model.state_dict"),
        "INST": (pickled(b"(ios\nsystem\n"), "uses the instruction INST"),
        "extension registry": (pickled(b"\x82\x01"), "uses the instruction EXT1"),
        "calls a dict": (pickled(b"})R"), "damaged"),
        "calls a tensor": (pickled(t.tensor("0", "f4", 1, [1], [1], legacy=True), b")R"), "damaged"),
        "memo of 2^32": (pickled(b"Nr\xff\xff\xff\xff"), "does not hold a state dict"),
        "text of 2^32": (pickled(b"X\xff\xff\xff\xff"), "damaged"),
        "text of 2^63": (pickled(b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"), "damaged"),
        "bytes of 2^63": (pickled(b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"), "damaged"),
        "integer of 2^31 bytes": (pickled(b"\x8b\xff\xff\xff\x7f"), "damaged"),
        "tuple in a tuple, 100,000 deep": (pickled(b"N" + b"\x85" * 100_000), "does not hold a state dict"),
        "key whose hash takes 2^60 steps": (pickled(b"}N" + b"q\x01h\x01\x86" * 60 + b"Ns"), "does not hold a state dict"),
        "key of a storage with 2^60 parts": (pickled(
            b"(", t.text("storage"), b"ctorch\nFloatStorage\nN" + b"q\x01h\x01\x86" * 60 + b"NJ\1\0\0\0tQ"), "in an unknown way"),
        "list of keys with 2^60 parts": (pickled(b"}")[:-2] + b"]N" + b"q\x01h\x01\x86" * 60 + b"a.", "not texts"),
        "5,000 dicts of 8,000 pairs": (pickled(
            b"ccollections\nOrderedDict\nq\0](", *[b"(M" + struct.pack("<H", i) + b"Nt" for i in range(8000)], b"eq\1",
            b"\x85q\2" + b"h\0h\2R" * 5000), "does not hold a state dict"),
        "9,000 calls with 60,000 arguments": (pickled(
            b"ctorch._utils\n_rebuild_parameter\nq\0(" + b"N" * 60_000 + b"tq\2" + b"h\0h\2R" * 9000), "too many"),
        "list that holds itself": (pickled(b"]q\x01h\x01a"), "does not hold a state dict"),
        "dict that holds itself": (pickled(b"}q\x01" + t.text("state_dict") + b"h\x01s"), "does not hold a state dict"),
        "empty stack": (pickled(b"a"), "damaged"),
        "no mark": (pickled(b"t"), "damaged"),
        "unknown memo": (pickled(b"h\x07"), "damaged"),
        "no end": (LEGACY_START + b".", "damaged"),
        "half a megabyte of nothing": (pickled(b"N" * 500_000), "damaged"),
        "stride 0": (described((4096, 4096), (0, 0)), "needs more than the 16 numbers"),
        "too large": (described((5, 4), (4, 1)), "needs more than the 16 numbers"),
        "offset beyond the end": (described((4, 4), (4, 1), 1), "needs more than the 16 numbers"),
        "strides beyond the end": (described((4, 4), (5, 1)), "needs more than the 16 numbers"),
        "negative offset": (described((4, 4), (4, 1), -1), "make no sense"),
        "negative stride": (described((4, 4), (4, -1)), "make no sense"),
        "negative size": (described((-4, -4), (4, 1)), "make no sense"),
        "2^60 numbers": (described((1 << 60, 4), (4, 1)), "needs more than"),
        "one axis less in the strides": (described((4, 4), (1,)), "make no sense"),
        "a million axes": (described((1,) * 10_000, (1,) * 10_000), "make no sense"),
        "double the numbers": (described((4, 4), (4, 1), dtype="f8"), "needs more than the 8 numbers"),
        "integers": (described((2, 4), (4, 1), dtype="i8"), "expected floats"),
        "no such storage": (described((4, 4), (4, 1), key="99"), "damaged"),
        "storage outside the archive": (described((4, 4), (4, 1), key="../../../etc/passwd"), "damaged"),
        "text for a shape": (torch_zip(t.state_dict(STATE, **{WEIGHT: t.tensor(PLACE, "f4", 16, [4, 4], [4, 1]).replace(
            t.numbers([4, 4]), t.text("44"), 1)})), "in an unknown way"),
        "torch zip with another bit": (flipped(torch_zip(), STATE[WEIGHT]), "classifier.3.weight: the data is damaged"),
        "torch zip, big-endian": (torch_zip(**{"archive/byteorder": b"big"}), "big-endian"),
        "batch normalisation": (t.legacy({**STATE, "features.1.running_mean": np.ones(3, "f4")}), "expected weight, bias, running_mean, running_var"),
        "no bias": (t.legacy({k: a for k, a in STATE.items() if k != "features.0.bias"}), "expected weight and bias"),
        "legacy stream, cut": (t.legacy(STATE)[:-100], "ends too early"),
        "legacy stream, another count": (t.legacy(STATE).replace(struct.pack("<q", 16), struct.pack("<q", 17), 1), "is not as long as its tensors need"),
        "legacy stream, count of 2^63": (t.legacy(STATE).replace(struct.pack("<q", 16), b"\xff" * 8, 1), "is not as long as its tensors need"),
        "legacy stream, storage that is not listed": (t.legacy(STATE, t.state_dict(STATE, True, **{
            WEIGHT: t.tensor("99", "f4", 1 << 30, [4, 4], [1 << 27, 1], legacy=True)})), "use storages that differ"),
        "zip member of 4 GB in a small file": (longer(torch_zip(), f"archive/data/{PLACE}"), "reaches beyond the end"),
        "header of 2^63 bytes": (header(b"{}", length=1 << 63), "not a weight file"),
        "header longer than the file": (header(b"{}", length=100_000), "do not end where the file ends"),
        "header nested 100,000 deep": (header(b'{"a":' * 20_000), "recursion|damaged"),
        "header that is a list": (header(b"{" + b"[]" * 3), "damaged"),
        "header without tensors": (header({}), "holds no layer"),
        "name twice": (header(b'{"a.weight": 1, "a.weight": 2}'), "twice"),
        "entry that is a number": (header({"a.weight": 5}), "damaged"),
        "two tensors on the same bytes": (entry(data_offsets=[0, 64]), "overlap"),
        "gap": (t.safetensors(STATE) + b"\0\0\0\0", "overlap, leave gaps"),
        "cut": (t.safetensors(STATE)[:-1], "overlap, leave gaps"),
        "another shape": (entry(shape=[4, 5]), "a length that does not fit its shape"),
        "negative shape": (entry(shape=[-4, -4]), "make no sense"),
        "true for a number": (entry(shape=[True, 16]), "make no sense"),
        "shape of 2^400": (entry(shape=[1 << 200, 1 << 200]), "a length that does not fit its shape"),
        "offsets the wrong way round": (entry(data_offsets=offsets()[::-1]), "a length that does not fit its shape"),
        "float for an offset": (entry(data_offsets=[0.0, 64.0]), "make no sense"),
        "dtype F8_E4M3": (entry(dtype="F8_E4M3"), "has dtype 'F8_E4M3'"),
        "dtype that is a list": (entry(dtype=[]), "damaged"),
        "NaN": (t.safetensors({**STATE, WEIGHT: np.full((4, 4), np.nan, "f4")}), "holds nan"),
        "zeros": (t.safetensors({**STATE, WEIGHT: np.zeros((4, 4), "f4")}), "all zeros"),
        "float64 that float32 cannot hold": (t.safetensors({**STATE, WEIGHT: np.full((4, 4), 1e300)}), "holds inf"),
        "layers with other names": (t.legacy({k.replace("features", "conv"): a for k, a in STATE.items()}), "not a name that torchvision or timm give"),
        "no numbers": (t.safetensors({**STATE, WEIGHT: np.zeros((0, 4), "f4")}), "array without numbers"),
    }


def gzip_twice(file):
    del file["fc2/kernel"]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((4, 4))
    plist.set_deflate(9)
    plist.set_deflate(9)
    h5py.h5d.create(file["fc2"].id, b"kernel", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4, 4)), plist).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.ones((4, 4), "f4"))


def other_float(file):
    """32 bits, but the exponent counts from 100."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(100)
    del file["fc2/kernel"]
    h5py.h5d.create(file["fc2"].id, b"kernel", kind, h5py.h5s.create_simple((4, 4))).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.ones((4, 4), "f4"))


def twice():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("model.weights.h5", b"a")
        file.writestr("model.weights.h6", b"b")
    return buffer.getvalue().replace(b"weights.h6", b"weights.h5")


def main(folder):
    before = ta.load("glyphs") and peak()  # everything imported
    for path in sorted(Path(folder).iterdir()):
        signal.alarm(SECONDS)
        try:
            ta.load(path)
            found = "loaded"
        except ta.InputError as error:
            found = str(error)
        print(json.dumps([path.name, found, peak() - before]), flush=True)


def peak():
    """Megabytes this process has needed so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(sys.argv[1])
