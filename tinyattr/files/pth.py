"""Read a state dict {name: tensor} from PyTorch's .pth files. torch.save has two formats, an old one and a new one.

    legacy stream   five pickles: magic number, protocol, system, the saved object, the list of storage keys; then for
                    each key the count of its numbers (int64) and the numbers. (A storage holds numbers of tensors.)
    zip             NAME/data.pkl, the pickle of the object; NAME/data/KEY, the numbers of a storage; NAME/byteorder
"""

import io
from dataclasses import dataclass, field

from tinyattr.errors import InputError
from tinyattr.files.pickled import LARGEST, Unknown, fill_mapping, interpret
from tinyattr.files.tensor import DTYPES, Tensor, bytes_of
from tinyattr.files.window import Window

MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_START = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little")
STORAGES = {f"{name}Storage": dtype for name, dtype in DTYPES.values()}


@dataclass(frozen=True)
class Storage:
    """A Storage holds `count` numbers of one dtype, which tensors share. window: where they are in the file."""

    dtype: str
    count: int
    window: Window = field(compare=False)


def legacy_tensors(file, size):
    """Return {name: Tensor} of a legacy stream of `size` bytes. Raises InputError, or the errors of `interpret`."""
    storages = {}

    def storage(identity):
        key, dtype, count = _checked(identity)
        new = Storage(dtype, count, Window(file, size, count * bytes_of(dtype)))  # the true start is found below
        if storages.setdefault(key, new) != new:
            raise InputError(f"storage {key[:20]!r} in it has two descriptions that differ")
        return storages[key]

    file.seek(0)
    head = io.BytesIO(file.read(LARGEST))
    _, _, system, content, keys = (interpret(head, FUNCTIONS, storage) for _ in range(5))
    if not system["little_endian"]:
        raise InputError("its numbers are big-endian; save it again on another machine")
    if not all(isinstance(key, str) for key in keys):
        raise InputError("its storages have keys that are not texts")
    if set(keys) != storages.keys():
        raise InputError("its tensors use storages that differ from the list at its end")
    position = head.tell()
    for key in keys:
        file.seek(position)
        count, window = int.from_bytes(file.read(8), "little"), storages[key].window
        window.start = position + 8
        position = window.start + window.length
        if count != storages[key].count or position > size:
            raise InputError(f"it ends too early, or its storage {key[:20]!r} is not as long as its tensors need")
    return _state_dict(content)


def zip_tensors(members):
    """Return {name: Tensor} of the zip format, given its members {name: Window}. Raises as `legacy_tensors` does."""
    root = next(name for name in members if name.endswith("/data.pkl")).removesuffix("data.pkl")

    def storage(identity):
        key, dtype, count = _checked(identity)
        return Storage(dtype, count, members[f"{root}data/{key}"])

    pickle = members[f"{root}data.pkl"]
    if pickle.length > LARGEST:
        raise InputError(f"its pickle of {pickle.length:,} bytes is too large for a state dict")
    pickle.check()
    if f"{root}byteorder" in members and members[f"{root}byteorder"].read() != b"little":
        raise InputError("its numbers are big-endian; save it again on another machine")
    return _state_dict(interpret(io.BytesIO(pickle.read()), FUNCTIONS, storage))


def _state_dict(content):
    """Return the state dict {name: Tensor} of a checkpoint, in whichever dict of it the training script put it.

    It is the dict that has a tensor whose name has a dot, such as features.0.weight; an optimizer's state has none.
    Raises InputError if there is no such dict, or if there are two: some checkpoints also hold averages of the weights.
    """
    found = list(_state_dicts(content))
    if isinstance(content, Unknown):
        raise InputError(f"its pickle needs {content.name[:80]!r}, a whole model or another object that runs code "
                         "when it is loaded; save model.state_dict() instead")
    if not found:
        raise InputError("it does not hold a state dict; save model.state_dict()")
    if len(found) > 1:
        places = [where or "the file itself" for where, _ in found]
        raise InputError(f"it holds {len(found)} state dicts, in {', '.join(places[:4])}; save the one that you want "
                         f"alone: torch.save(torch.load(file){found[-1][0]}, 'other.pth')")
    tensors = {}
    for name, value in found[0][1].items():
        if isinstance(value, Tensor):
            tensors[str(name)] = value
        elif "." in str(name):
            what = value.name if isinstance(value, Unknown) else type(value).__name__
            raise InputError(f"{str(name)[:40]!r} in it is not a dense tensor of numbers, it is {what[:80]!r}")
    return tensors


def _state_dicts(content, where="", seen=None):
    """Yield (where, dict) once for each state dict in `content`. where: how Python reaches it, such as "['net']"."""
    seen = set() if seen is None else seen
    if not isinstance(content, dict) or id(content) in seen:
        return
    seen.add(id(content))
    if any(isinstance(value, Tensor) and "." in str(name) for name, value in content.items()):
        yield where, content
    for name, value in content.items():
        yield from _state_dicts(value, f"{where}[{str(name)[:40]!r}]", seen)


def _checked(identity):
    """Return (key, dtype, count) of a storage. identity: the tuple by which the pickle names it (its persistent id)."""
    kind, dtype, key, _, count, *view = identity
    known = kind == "storage" and dtype in STORAGES.values() and isinstance(key, str) and view in ([], [None])
    if not known or type(count) is not int or count < 0:
        raise InputError("its pickle describes a storage in an unknown way")
    return key, dtype, count


def _tensor(storage, offset, shape, strides, *_):
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise InputError("its pickle describes a tensor in an unknown way")
    return Tensor(storage.window, storage.dtype, shape, strides, offset)


def _parameter(data, *_):
    return data


def _ordered_dict(pairs=()):
    """Make a dict from a list of pairs, as Python 2 wrote it. This empties the list, so that no pair is read twice."""
    mapping, taken = {}, list(pairs)
    if taken:
        pairs.clear()
    for key, value in taken:
        fill_mapping(mapping, (key, value))
    return mapping


FUNCTIONS = {
    "collections OrderedDict": _ordered_dict,
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
    "torch.nn.parameter Parameter": _parameter,
    **{f"torch {name}": dtype for name, dtype in STORAGES.items()},
}
