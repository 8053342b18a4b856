"""--option NAME=VALUE: convert the text VALUE to the type of the option's default."""

from argparse import ArgumentTypeError
from contextlib import suppress

from tinyattr.errors import InputError
from tinyattr.methods import options_of
from tinyattr.studies.explain import chosen_options

FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def pair(text):
    """Split a text "NAME=VALUE" into (NAME, VALUE)."""
    name, _, value = text.partition("=")
    if not (name and value):
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as steps=20")
    return name, value


def chosen(pairs, methods):
    """Return {name: value} for pairs (NAME, VALUE) of texts. Each option must belong to at least one of the methods.

    Raises InputError for a name that no method has, a name that is given twice, and a value of the wrong type.
    """
    defaults = {name: default for method in methods for name, default in options_of(method).items()}
    found = {}
    for written, text in pairs:
        (name,) = chosen_options({written: text}, methods)
        if name in found:
            raise InputError(f"--option {name} is given twice; give it once")
        found[name] = converted(name, text, defaults[name])
    return found


def converted(name, text, default):
    """Convert `text` to the type of `default`. Raises InputError."""
    if default is None:
        raise InputError(f"--option {name}={text}: expected an array; only Python code can give arrays")
    expected, convert = {bool: ("true or false (or yes, no, on, off, 1, 0)", lambda t: FLAGS[t.casefold()]),
                         int: ("a whole number", int), float: ("a number", float),
                         str: ("a word or a number", word),
                         tuple: ("words or numbers, separated by commas", words)}[type(default)]
    try:
        return convert(text)
    except (KeyError, ValueError):
        raise InputError(f"--option {name}={text}: expected {expected}; the default is {default}") from None


def word(text):
    """Return the text as a number if possible, else as a word."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def words(text):
    """Convert a text such as "black,mean" to a tuple of words or numbers."""
    parts = [part.strip() for part in text.split(",")]
    if "" in parts:
        raise ValueError(text)
    return tuple(map(word, parts))
