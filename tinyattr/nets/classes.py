"""Class names: the 1000 names of ImageNet, and how to find a class by name."""

from difflib import get_close_matches
from importlib.resources import files

import numpy as np

from tinyattr.errors import InputError, count_of, folded


def imagenet_classes():
    """Return [(WordNet id, name)] of the 1000 classes of ImageNet (ILSVRC-2012), in the order of the logits."""
    text = (files("tinyattr.nets") / "imagenet_classes.tsv").read_text(encoding="utf-8")
    return [tuple(line.split("\t")) for line in text.splitlines() if not line.startswith("#")]


def imagenet_names():
    """Return the 1000 names of ImageNet's classes, with blanks instead of underscores."""
    return tuple(lemma.replace("_", " ") for _, lemma in imagenet_classes())


def find_class(target, names, n):
    """Return the index of a class, given by number, by name, or by WordNet id ("n02123045") if names are ImageNet's.

    Capitals, underscores, hyphens and blanks matter only if two names differ in nothing else. "3" means the class named
    "3" if it exists, else class 3. If names is None, only numbers are known. n is the number of classes. Raises
    InputError for a class that does not exist (the message has similar names), and for a name that two classes share.
    """
    if isinstance(target, str) and target.strip().isdecimal() and target.strip() not in (names or ()):
        target = int(target)
    if isinstance(target, np.ndarray) and target.size == 1:
        target = target.item()
    if not isinstance(target, str):
        return count_of(target, "a class that is not a name", least=0, most=n - 1)
    if not names:
        raise InputError(f"unknown class {target!r}; this network's classes have no names, only numbers 0 to {n - 1}")
    if tuple(names) == imagenet_names():
        names = [*names, *(wordnet for wordnet, _ in imagenet_classes())]  # class c: its name is at c, its id at c + n
    plain, wanted = [folded(name) for name in names], folded(target)
    for spelling, known in ((target, names), (wanted, plain)):
        found = [c % n for c, name in enumerate(known) if name == spelling]
        if len(found) == 1:
            return found[0]
    if found:
        raise InputError(f"class name {target!r} is ambiguous: classes {', '.join(map(str, found))}; give the number")
    near = [c for c, name in enumerate(plain) if wanted in name.split("_")]
    near += [plain.index(match) for match in get_close_matches(wanted, plain, n=5, cutoff=0.6)]
    if not near:
        raise InputError(f"unknown class {target!r}; give a number from 0 to {n - 1}")
    matches = ", ".join(f"{names[c]} ({c % n})" for c in list(dict.fromkeys(near))[:6])
    raise InputError(f"unknown class {target!r}; did you mean {matches}?")
