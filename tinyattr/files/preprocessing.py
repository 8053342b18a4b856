"""Find out how photos are preprocessed for a network, and the names of its classes: from its file or from the user."""

from dataclasses import replace

import numpy as np

from tinyattr.errors import InputError, count_of
from tinyattr.files.architectures import SAVE_IT_WHOLE
from tinyattr.files.own_format import family_of
from tinyattr.nets.classes import imagenet_names
from tinyattr.nets.pictures import FAMILIES, InputSpec


def size_of(shape):
    """Return the size (H, W) of a shape (H, W, ...) as an InputSpec has it: as one number if H = W."""
    return shape[0] if shape[0] == shape[1] else tuple(shape[:2])


def check_given(family=None, input=None, size=None, classes=None):
    """Raise InputError for arguments of `load` that cannot be right for any file."""
    if input is not None and not isinstance(input, InputSpec):
        raise InputError("input is an InputSpec(size, order, mean, scale), which says how to preprocess photos; "
                         f"got {input!r:.60}")
    if input is not None and (family, size) != (None, None):
        raise InputError("input contains size and preprocessing; leave family and size out")
    if input is not None and max(input.scale) < 1 and max(input.mean) <= 1:
        raise InputError(f"means and scales are for photos with values 0..255, not 0..1: {input.mean} would be "
                         f"{tuple(round(255 * m, 3) for m in input.mean)}")
    if size is not None:
        for side in np.ravel(size).tolist():
            count_of(side, "size")
        if np.size(size) > 2:
            raise InputError(f"size is a number or (H, W); got {size}")
    if classes is not None and not (isinstance(classes, list | tuple) and classes and all(
            isinstance(name, str) and name.isprintable() for name in classes)):
        raise InputError(f"classes must be a list of names in the order of the logits; got {classes!r:.60}")


def preprocessing(own, architecture, published, family=None, input=None, size=None):
    """Return an InputSpec: from the file, or of the published network with these numbers, or from the user; else None.

    own: the Description in the file. family, input, size: see `load`. Raises InputError for arguments that cannot be
    right, and if a size is needed but not given.
    """
    if own.input is not None:
        known, why = family_of(own.input), "the file says itself how photos are preprocessed"
    elif published:
        known, why = published.family, f"its numbers are those of {published.title}, of the family {published.family}"
    else:
        known = family if family in architecture.families else family_of(input)
        why = (f"a {architecture.name} is {' or '.join(architecture.families)}" if architecture.families else
               "it is a user's own network; say with input=InputSpec(...) how photos are preprocessed (command line: "
               "--mean, --std)")
    if family not in (None, known):
        raise InputError(f"family {family!r} cannot be right: {why}")
    if input is not None and (input != own.input if own.input else family_of(input) != known):
        raise InputError(f"{input} cannot be right: {why}" + f", {own.input}" * (own.input is not None))
    spec = own.input or input
    if spec is None and known:
        spec = replace(FAMILIES[known], size=size or (size_of(own.picture) if own.picture else FAMILIES[known].size))
    _check_size(spec, own, architecture, size, said=input is not None or size is not None)
    return spec


def _check_size(spec, own, architecture, size, said):
    """Raise InputError for a size that does not fit, or that is missing. said: whether the user gave a size.

    If the first dense layer reads a single place, there are two possibilities: small pictures, or a network with a
    GlobalAveragePooling. In a file of weights alone, both look the same.
    """
    given = tuple(np.broadcast_to(size, 2).tolist()) if size else spec.shape[:2] if spec else None
    sizes = architecture.sizes
    if own.picture:
        fits, right = f"pictures {own.picture}, as the file says", given in (None, own.picture[:2])
        right = right and (spec is None or spec.shape == own.picture)
    elif own.input:
        fits, right = f"pictures {own.input.shape}, as the file says", given == own.input.shape[:2]
    else:
        fits = f"pictures of {sizes[0]} to {sizes[-1]} pixels" if sizes else "colours"
        right = given is None or not sizes or {*given} <= {*sizes}
        right = right and (spec is None or not architecture.families or spec.shape[2] == 3)
    if not right and said:
        raise InputError(f"{f'size {size}' if size else spec} cannot be right: the network takes {fits}")
    if not right:
        raise InputError(f"its dense layers fit {fits}; give the size: size={sizes[0]}")
    if size and spec is None and not (own.picture or sizes):
        raise InputError("size alone does not say how photos are preprocessed; give family or input (command line: "
                         "--family, or --mean and --std)")
    if sizes and sizes[0] == 32 and not (said or own.picture or own.sha256 is not None):
        raise InputError(f"its first dense layer reads a single place: a {architecture.name} for pictures of 32 to 63 "
                         f"pixels (then give the size, as size=32), or another network with a GlobalAveragePooling; "
                         f"{SAVE_IT_WHOLE}")


def class_names(own, architecture, given):
    """Return class names: from the user, or from the file, or (for a known network with 1000 logits) ImageNet's."""
    if given is not None:
        return tuple(map(str, given))
    return imagenet_names() if own.classes is None and architecture.classes == 1000 else own.classes
