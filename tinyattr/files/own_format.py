"""Our HDF5: /layer/kernel and /layer/bias, contiguous float32; the root's attributes say what they mean."""

import json
from dataclasses import asdict
from hashlib import sha256

import h5py
import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.atomic import whole
from tinyattr.files.weight_file import plausible
from tinyattr.nets.pictures import InputSpec

VERSION = "1"
LONGEST = 60_000  # bytes of an attribute; the names of ImageNet's classes have 18,000
ARRAYS = ("kernel", "bias")


def write(path, layers, *, network, architecture, family, input, classes, source):
    """Write `layers`, pairs of a name and its (kernel, bias), as they come: one layer in memory at a time.

    network: its name; architecture: the name under which `load` finds its layers; family: whose training, None if
    unknown; input: an InputSpec or None; classes: names or None; source: where the weights come from. All of the file
    appears, or none. Raises InputError for weights that `load` would not take.
    """
    digests = {}
    with whole(path) as temporary, h5py.File(temporary, "w") as file:
        for name, arrays in layers:
            for what, array in zip(ARRAYS, arrays, strict=True):
                where = f"{name}/{what}"
                array = np.ascontiguousarray(plausible(array, where), "<f4")
                digests[where] = sha256(array).hexdigest()
                file.create_dataset(where, data=array)
        facts = {"format": "tinyattr", "version": VERSION, "network": network, "architecture": architecture,
                 "family": family or "unknown", "input": json.dumps(input and asdict(input)),
                 "classes": json.dumps(classes), "source": source, "sha256": json.dumps(digests)}
        for name, text in facts.items():
            text = text.encode()
            if len(text) > LONGEST:
                raise InputError(f"{name} of {len(text):,} bytes; a file holds at most {LONGEST:,}")
            file.attrs.create(name, np.bytes_(text), dtype=h5py.string_dtype(length=max(1, len(text))))


def own_facts(attributes):
    """{"network", "architecture", "source", "input", "classes", "sha256"} of a file that `write` wrote, checked.

    {} for a foreign file, whose attributes are not to be trusted. Raises InputError.
    """
    if not attributes:
        return {}
    try:
        if attributes["version"] != VERSION:
            raise InputError(f"the file has format version {attributes['version']}; this program reads {VERSION}")
        spec, classes, digests = (json.loads(attributes[key]) for key in ("input", "classes", "sha256"))
        if spec is not None:
            spec = InputSpec(**{key: tuple(v) if isinstance(v, list) else v for key, v in spec.items()})
        if classes is not None and not (isinstance(classes, list) and all(isinstance(c, str) for c in classes)):
            raise InputError("the file's class names are not a list of names")
        texts = {key: attributes.get(key, "") for key in ("network", "architecture", "source")}
        if not all(text.isprintable() for text in (*texts.values(), *(classes or ()))):
            raise InputError("the file's names hold characters that cannot be printed")
        return {**texts, "input": spec, "classes": classes, "sha256": dict(digests)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the file's attributes do not say what a tinyattr file must: {error}") from None


def check_digests(digests, name, arrays):
    """Raises InputError, naming the array, unless a layer's kernel and bias are the very bytes that were written."""
    for what, array in zip(ARRAYS, arrays, strict=True):
        where = f"{name}/{what}"
        if digests.get(where) != sha256(np.ascontiguousarray(array, "<f4")).hexdigest():
            raise InputError(f"{where} is not what was written: its sha256 differs; get the file again")
