"""Reading the pickles of PyTorch's files without running them.

A pickle is a program: pickle.Unpickler would import and call what it names, allocate what it asks for (a memo of 2^31
entries is five bytes), and set any attribute. The few instructions that a state dict needs are interpreted here, on
plain data; whatever else a pickle wants is refused by name. pickletools only takes the bytes apart. A value may be in
many places, so nothing here may walk through one (hash it, compare it, print it, copy it), unless it is taken apart on
the way: that can take 2^n steps.
"""

import pickletools

from tinyattr.errors import InputError

LARGEST = 1 << 17  # bytes of a pickle; a state dict needs about 130 for a tensor
MOST_ARGUMENTS = 8  # of a function; _rebuild_tensor_v2 has at most 7

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
LITERALS = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINSTRING",
}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
TAKES = {  # how many items an instruction takes from the stack, None: all since the last mark
    "APPEND": 1, "SETITEM": 2, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "STACK_GLOBAL": 2, "BINPERSID": 1, "REDUCE": 2,
    "BUILD": 1, "STOP": 1, "APPENDS": None, "SETITEMS": None, "TUPLE": None,
}


def interpret(stream, functions, persistent):
    """The object that the pickle at the stream's position describes; the stream then stands behind it.

    functions: {"module name": function} that the pickle may call; it never sees another. persistent: called with each
    persistent id. Raises InputError for an instruction or a name that is not known, ValueError, LookupError or
    TypeError for a pickle that makes no sense.
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
                pass  # BUILD: what an object keeps beside its value, such as versions of modules and hooks
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append(CONSTANTS[name])
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                stack.append(EMPTY[name]())
            case _ if name in LITERALS:
                stack.append(argument)
            case "MARK":
                marks.append(len(stack))
            case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(taken))
            case "APPEND" | "APPENDS":
                stack[-1].extend(taken)
            case "SETITEM" | "SETITEMS":
                fill_mapping(stack[-1], taken)
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_known(argument, functions))
            case "STACK_GLOBAL":
                stack.append(_known(" ".join(taken), functions))
            case "BINPERSID":
                stack.append(persistent(*taken))
            case "REDUCE":
                function, arguments = taken
                if not isinstance(arguments, tuple) or len(arguments) > MOST_ARGUMENTS:
                    raise TypeError("a pickle that calls a function with no list of arguments, or with too many")
                stack.append(function(*arguments))  # nothing on the stack but `functions` can be called
            case "STOP":
                return taken[0]
            case _:
                raise InputError(f"its pickle uses the instruction {name}, which no saved state dict needs; "
                                 "save model.state_dict(), not the model")
    raise ValueError("a pickle without an end")


def fill_mapping(mapping, items):
    """mapping[key] = value for items (key, value, key, value, ...); a key is a name or a number, cheap to hash."""
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(mapping, dict) or not isinstance(key, str | int):
            raise TypeError(f"a pickle with a {type(key).__name__} as key in a {type(mapping).__name__}")
        mapping[key] = value


def _known(name, functions):
    if name not in functions:
        raise InputError(f"its pickle asks for {name[:80]!r}, which no state dict of dense floats needs; "
                         "save model.state_dict(), not the model")
    return functions[name]
