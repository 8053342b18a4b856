"""Version 1 of our HDF5 format. We still read it: it holds a VGG or SqueezeNet, with /layer/kernel and /layer/bias.

The attributes of the root describe the network; they are texts of fixed length. `own_format` writes version 2.
"""

import json

from tinyattr.errors import InputError
from tinyattr.files.weight_file import Description
from tinyattr.nets.pictures import InputSpec

LARGEST_ATTRIBUTE = 1 << 16  # bytes: HDF5's own limit
ATTRIBUTES = ("network", "architecture", "source", "input", "classes", "sha256")


def description_1(attributes):
    """Return the Description in the attributes of a file of version 1. Raises InputError for wrong attributes."""
    texts = {key: text_of(attributes, key) for key in ATTRIBUTES if key in attributes}
    if None in texts.values():
        raise InputError("one of its attributes is not a text of fixed length")
    try:
        said = {key: json.loads(texts.pop(key)) for key in ("input", "classes", "sha256")}
    except (KeyError, ValueError) as error:
        raise InputError(f"the file's attributes do not say what a tinyattr file must: {error}") from None
    return described({**texts, **said})


def described(said):
    """Return the Description in `said`, {field: value}, which was read from JSON in our own file. Raises InputError."""
    try:
        spec, classes, digests = (said.pop(key) for key in ("input", "classes", "sha256"))
        if spec is not None:
            spec = InputSpec(**{key: tuple(v) if isinstance(v, list) else v for key, v in spec.items()})
        if classes is not None and not (isinstance(classes, list) and all(isinstance(c, str) for c in classes)):
            raise InputError("the file's class names are not a list of names")
        if not all(text.isprintable() for text in (*said.values(), *(classes or ())) if text is not None):
            raise InputError("the file's names hold characters that cannot be printed")
        return Description(**said, input=spec, classes=classes, sha256=dict(digests))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the file's attributes do not say what a tinyattr file must: {error}") from None


def text_of(attributes, name):
    """Return an attribute if it is a text of fixed length, else None. If a variable length is wrong, HDF5 may crash."""
    if name not in attributes:
        return None
    identity = attributes.get_id(name)
    fixed = identity.shape == () and identity.dtype.kind == "S" and identity.dtype.itemsize <= LARGEST_ATTRIBUTE
    return bytes(attributes[name]).decode() if fixed else None
