"""Our HDF5: /layer/kernel and /layer/bias, contiguous float32; the root's attributes say what they mean."""

import json
from dataclasses import asdict
from hashlib import sha256

import h5py
import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.atomic import atomic
from tinyattr.files.weight_file import Description, plausible
from tinyattr.nets.pictures import FAMILIES, InputSpec

VERSION = "1"
LONGEST = 60_000  # bytes of an attribute that is written; the names of ImageNet's classes have 18,000
LARGEST_ATTRIBUTE = 1 << 16  # bytes of one that is read: HDF5's own limit
ATTRIBUTES = ("version", "network", "architecture", "source", "input", "classes", "sha256")
ARRAYS = ("kernel", "bias")


def write(path, layers, description):
    """Write `layers`, pairs of a name and its (kernel, bias), as they come: one layer in memory at a time.

    The description's digests are made here. The file appears whole or not at all. Raises InputError for weights that
    `load` would not take.
    """
    digests = {}
    with atomic(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
        for name, arrays in layers:
            for what, array in zip(ARRAYS, arrays, strict=True):
                where = f"{name}/{what}"
                array = np.ascontiguousarray(plausible(array, where), "<f4")
                digests[where] = _digest(array)
                file.create_dataset(where, data=array)
        texts = {"format": "tinyattr", "version": VERSION, "network": description.network,
                 "architecture": description.architecture, "family": family_of(description.input) or "unknown",
                 "input": json.dumps(description.input and asdict(description.input)),
                 "classes": json.dumps(description.classes), "source": description.source,
                 "sha256": json.dumps(digests)}
        for name, text in texts.items():
            text = text.encode()
            if len(text) > LONGEST:
                raise InputError(f"{name} of {len(text):,} bytes; a file holds at most {LONGEST:,}")
            file.attrs.create(name, np.bytes_(text), dtype=h5py.string_dtype(length=max(1, len(text))))


def own_description(attributes):
    """The Description in an HDF5 file's attributes; None for a foreign file, whose other attributes are not looked at.

    Raises InputError for attributes that do not say what `write` makes them say.
    """
    if _text(attributes, "format") != "tinyattr":
        return None
    texts = {key: _text(attributes, key) for key in ATTRIBUTES if key in attributes}
    if None in texts.values():
        raise InputError("one of its attributes is no text of fixed length")
    try:
        if (version := texts.pop("version")) != VERSION:
            raise InputError(f"the file has format version {version}; this program reads {VERSION}")
        spec, classes, digests = (json.loads(texts.pop(key)) for key in ("input", "classes", "sha256"))
        if spec is not None:
            spec = InputSpec(**{key: tuple(v) if isinstance(v, list) else v for key, v in spec.items()})
        if classes is not None and not (isinstance(classes, list) and all(isinstance(c, str) for c in classes)):
            raise InputError("the file's class names are not a list of names")
        if not all(text.isprintable() for text in (*texts.values(), *(classes or ()))):
            raise InputError("the file's names hold characters that cannot be printed")
        return Description(**texts, input=spec, classes=classes, sha256=dict(digests))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the file's attributes do not say what a tinyattr file must: {error}") from None


def _text(attributes, name):
    """An attribute, if it is text of fixed length, else None. HDF5 believes what a variable one claims, and crashes."""
    if name not in attributes:
        return None
    identity = attributes.get_id(name)
    fixed = identity.shape == () and identity.dtype.kind == "S" and identity.dtype.itemsize <= LARGEST_ATTRIBUTE
    return bytes(attributes[name]).decode() if fixed else None


def check_digests(digests, name, arrays):
    """Raises InputError, naming the array, unless a layer's kernel and bias are the very bytes that were written."""
    for what, array in zip(ARRAYS, arrays, strict=True):
        if digests.get(f"{name}/{what}") != _digest(array):
            raise InputError(f"{name}/{what} is not what was written: its sha256 differs; get the file again")


def _digest(array):
    return sha256(np.ascontiguousarray(array, "<f4")).hexdigest()


def family_of(spec):
    """The family whose channel order, means and scales these are; "own" where there is none, None for None."""
    same = (family for family, other in FAMILIES.items()
            if spec and (other.order, other.mean, other.scale) == (spec.order, spec.mean, spec.scale))
    return next(same, spec and "own")
