"""PyTorch's .pth files: state dicts, in both forms that torch.save has written.

    legacy stream   pickles back to back: magic number, protocol, system, the object, the list of storage keys; then
                    for every key the count of its numbers (int64) and the numbers
    zip             NAME/data.pkl, the object; NAME/data/KEY, the numbers; NAME/byteorder
"""

import io
from dataclasses import dataclass

from tinyattr.errors import InputError
from tinyattr.files.pickled import LARGEST, fill, interpret
from tinyattr.files.tensors import BFLOAT16, Tensor, bytes_of
from tinyattr.files.window import Window

MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_START = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little")
DTYPES = {
    "HalfStorage": "<f2", "BFloat16Storage": BFLOAT16, "FloatStorage": "<f4", "DoubleStorage": "<f8",
    "BoolStorage": "|b1", "ByteStorage": "|u1", "CharStorage": "|i1", "ShortStorage": "<i2", "IntStorage": "<i4",
    "LongStorage": "<i8",
}
WRAPPED_AS = ("state_dict", "model_state_dict", "model")  # where training scripts put the weights in a checkpoint


@dataclass(frozen=True)
class Storage:
    """Numbers of one dtype that lie in the file under a key."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True)
class View:
    """A tensor as a pickle describes it: which numbers of a storage."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple

    def within(self, window):
        """The tensor, its storage being this window. Raises InputError where that is too short."""
        return Tensor(window, self.storage.dtype, self.shape, self.strides, self.offset)


def legacy_tensors(file, size):
    """{name: Tensor} of a legacy stream of `size` bytes. Raises InputError, or what `interpret` raises."""
    storages = {}

    def storage(identity):
        found = _storage(identity)
        if storages.setdefault(found.key, found) != found:
            raise InputError(f"storage {found.key[:20]!r} in it is two things at once")
        return found

    file.seek(0)
    head = io.BytesIO(file.read(LARGEST))
    _, _, system, content, keys = (interpret(head, FUNCTIONS, storage) for _ in range(5))
    if not system["little_endian"]:
        raise InputError("its numbers are big-endian; save it again on another machine")
    if not all(isinstance(key, str) for key in keys):
        raise InputError("its storages have keys that are no text")
    windows, position = {}, head.tell()
    for key in keys:
        file.seek(position)
        count, length = int.from_bytes(file.read(8), "little"), storages[key].count * bytes_of(storages[key].dtype)
        windows[key] = Window(file, position + 8, length)
        position += 8 + length
        if count != storages[key].count or position > size:
            raise InputError(f"it ends too early, or its storage {key[:20]!r} has another length than the tensors say")
    return {name: view.within(windows[view.storage.key]) for name, view in _state_dict(content).items()}


def zip_tensors(members):
    """{name: Tensor} of the zip form, given its members as {name: Window}. Raises as `legacy_tensors`."""
    root = next(name for name in members if name.endswith("/data.pkl")).removesuffix("data.pkl")
    pickle = members[f"{root}data.pkl"]
    if pickle.length > LARGEST:
        raise InputError(f"its pickle of {pickle.length:,} bytes is too large for a state dict")
    pickle.check()
    if f"{root}byteorder" in members and members[f"{root}byteorder"].bytes() != b"little":
        raise InputError("its numbers are big-endian; save it again on another machine")
    content = interpret(io.BytesIO(pickle.bytes()), FUNCTIONS, _storage)
    return {name: v.within(members[f"{root}data/{v.storage.key}"]) for name, v in _state_dict(content).items()}


def _state_dict(content):
    """{name: View}, wherever a checkpoint keeps it."""
    for key in WRAPPED_AS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict):
        raise InputError("it does not hold a state dict; save model.state_dict()")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, View):
            raise InputError(f"{str(name)[:40]!r} in it is no tensor; save model.state_dict() alone")
    return content


def _storage(identity):
    kind, dtype, key, _, count, *view = identity
    known = kind == "storage" and dtype in DTYPES.values() and isinstance(key, str) and view in ([], [None])
    if not known or type(count) is not int or count < 0:
        raise InputError("its pickle describes a storage in an unknown way")
    return Storage(key, dtype, count)


def _view(storage, offset, shape, strides, *_):
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise InputError("its pickle describes a tensor in an unknown way")
    return View(storage, offset, shape, strides)


def _parameter(data, *_):
    return data


def _ordered_dict(pairs=()):
    """Of a list of pairs, as Python 2 wrote it. The list is emptied, so that none is walked through twice."""
    mapping, taken = {}, list(pairs)
    if taken:
        pairs.clear()
    for key, value in taken:
        fill(mapping, (key, value))
    return mapping


FUNCTIONS = {
    "collections OrderedDict": _ordered_dict,
    "torch._utils _rebuild_tensor": _view,
    "torch._utils _rebuild_tensor_v2": _view,
    "torch._utils _rebuild_parameter": _parameter,
    "torch.nn.parameter Parameter": _parameter,
    **{f"torch {name}": dtype for name, dtype in DTYPES.items()},
}
