"""--option NAME=VALUE: what is written becomes what the method expects, by the type of the option's default."""

from argparse import ArgumentTypeError
from contextlib import suppress

from tinyattr.errors import InputError
from tinyattr.methods import chosen_options, options_of

FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def pair(text):
    """(NAME, VALUE) of a text "NAME=VALUE"."""
    name, _, value = text.partition("=")
    if not (name and value):
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as steps=20")
    return name, value


def chosen(pairs, methods):
    """{name: value} of the (NAME, VALUE) that were written, for methods of which at least one has such an option.

    Raises InputError for a name that none of them has, or that is given twice, and for a value of another type.
    """
    defaults = {name: default for method in methods for name, default in options_of(method).items()}
    found = {}
    for written, text in pairs:
        (name,) = chosen_options({written: text}, methods)
        if name in found:
            raise InputError(f"--option {name} is given twice; say it once")
        found[name] = converted(name, text, defaults[name])
    return found


def converted(name, text, default):
    """The value that is written as `text`, of the type of `default`. Raises InputError."""
    if default is None:
        raise InputError(f"--option {name}={text}: expected an array, which only Python code can give")
    expected, convert = {bool: ("true or false (or yes, no, on, off, 1, 0)", lambda t: FLAGS[t.casefold()]),
                         int: ("a whole number", int), float: ("a number", float),
                         str: ("a word or a number", word),
                         tuple: ("words or numbers, with commas between them", words)}[type(default)]
    try:
        return convert(text)
    except (KeyError, ValueError):
        raise InputError(f"--option {name}={text}: expected {expected}; the default is {default}") from None


def word(text):
    """A number if it can be read as one, else the word."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def words(text):
    """The same for each of several, with commas between them: "black,mean"."""
    parts = [part.strip() for part in text.split(",")]
    if "" in parts:
        raise ValueError(text)
    return tuple(map(word, parts))
