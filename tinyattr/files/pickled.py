"""Read the pickles in PyTorch's files without running them.

A pickle is a program. pickle.Unpickler would import and call any function that a pickle names, set any attribute, and
allocate any memory (five bytes can ask for a table of 2^31 entries). So we interpret only the few instructions that a
checkpoint needs, on plain data; pickletools only splits the bytes into instructions. A checkpoint may also hold options
and other objects: an object of an unknown name becomes an Unknown, which keeps only this name. A list may hold another
list twice, and this one a third list twice, and so on. To hash, compare, print or copy such a value could take 2^n
steps. So this code does none of these, unless it empties the value on the way.
"""

import pickletools
from dataclasses import dataclass

from tinyattr.errors import InputError

LARGEST = 1 << 17  # bytes of a pickle; a state dict needs about 130 for each tensor
MOST_ARGUMENTS = 8  # of a function; _rebuild_tensor_v2 has at most 7

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
LITERALS = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "BINUNICODE8", "LONG4",
}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": lambda: Unknown("builtins set")}
TAKES = {  # {instruction: number of items that it takes from the stack; None: all items after the last mark}
    "APPEND": 1, "SETITEM": 2, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "STACK_GLOBAL": 2, "BINPERSID": 1, "REDUCE": 2,
    "BUILD": 1, "STOP": 1, "APPENDS": None, "SETITEMS": None, "TUPLE": None, "NEWOBJ": 2, "NEWOBJ_EX": 3,
    "ADDITEMS": None, "FROZENSET": None,
}


@dataclass(frozen=True)
class Unknown:
    """An Unknown stands for an object whose class we do not know, such as "argparse Namespace". It does nothing."""

    name: str


def interpret(stream, functions, persistent):
    """Return the object that a pickle describes. The pickle starts at the stream's position, which moves to its end.

    functions: {"module name": function}, the only functions that the pickle may call. Every other name becomes an
    Unknown, and so does an object that is made with it. persistent: a function, persistent id -> object. Raises
    InputError for an unknown instruction, and ValueError, LookupError or TypeError for a pickle that makes no sense.
    """
    stack, marks, memo = [], [], {}
    for opcode, argument, _ in pickletools.genops(stream):
        name, taken = opcode.name, []
        if name in TAKES:
            start = marks.pop() if TAKES[name] is None else len(stack) - TAKES[name]
            if start < 0:
                raise ValueError("a pickle that takes more from its stack than is there")
            taken = stack[start:]
            del stack[start:]
        match name:
            case "PROTO" | "FRAME" | "BUILD":
                pass  # BUILD sets attributes of an object, such as hooks of a module: we ignore them
            case "ADDITEMS":
                pass  # this adds items to a set; a set is an Unknown here, which keeps no items
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append(CONSTANTS[name])
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE" | "EMPTY_SET":
                stack.append(EMPTY[name]())
            case _ if name in LITERALS:
                stack.append(argument)
            case "MARK":
                marks.append(len(stack))
            case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(taken))
            case "APPEND" | "APPENDS":
                if not isinstance(stack[-1], Unknown):
                    stack[-1].extend(taken)
            case "SETITEM" | "SETITEMS":
                if not isinstance(stack[-1], Unknown):
                    fill_mapping(stack[-1], taken)
            case "FROZENSET":
                stack.append(Unknown("builtins frozenset"))
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(functions.get(argument) or Unknown(argument))
            case "STACK_GLOBAL":
                stack.append(functions.get(argument := " ".join(taken)) or Unknown(argument))
            case "BINPERSID":
                stack.append(persistent(*taken))
            case "REDUCE" | "NEWOBJ" | "NEWOBJ_EX" if isinstance(taken[0], Unknown):
                stack.append(taken[0])
            case "REDUCE":
                function, arguments = taken
                if not isinstance(arguments, tuple) or len(arguments) > MOST_ARGUMENTS:
                    raise TypeError("a pickle that calls a function with no list of arguments, or with too many")
                stack.append(function(*arguments))  # only `functions` can be called
            case "STOP":
                return taken[0]
            case _:
                raise InputError(f"its pickle uses the instruction {name}, which no checkpoint needs; "
                                 "save model.state_dict() alone")
    raise ValueError("a pickle without an end")


def fill_mapping(mapping, items):
    """Set mapping[key] = value, for items (key, value, key, value, ...).

    We leave out keys that are neither texts nor whole numbers: hashing them may take very long, and no tensor has one.
    """
    if not isinstance(mapping, dict):
        raise TypeError(f"a pickle that puts items into a {type(mapping).__name__}")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if isinstance(key, str | int):
            mapping[key] = value
