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

VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
WITH_ARGUMENT = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINSTRING",
}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
NO_EFFECT = {"PROTO", "FRAME"}


def interpret(stream, functions, persistent):
    """The object that the pickle at the stream's position describes; the stream then stands behind it.

    functions: {"module name": function} that the pickle may call; it never sees another. persistent: called with each
    persistent id. Raises InputError for an instruction or a name that is not known, ValueError, LookupError or
    TypeError for a pickle that makes no sense.
    """
    stack, marks, memo = [], [], {}

    def since_mark():
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for opcode, argument, _ in pickletools.genops(stream):
        match opcode.name:
            case name if name in NO_EFFECT:
                pass
            case name if name in VALUES:
                stack.append(VALUES[name])
            case name if name in WITH_ARGUMENT:
                stack.append(argument)
            case name if name in EMPTY:
                stack.append(EMPTY[name]())
            case "MARK":
                marks.append(len(stack))
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3" as name:
                n = int(name[-1])
                stack[-n:] = [tuple(stack[-n:])]
            case "APPEND":
                item = stack.pop()
                stack[-1].append(item)
            case "APPENDS":
                items = since_mark()
                stack[-1].extend(items)
            case "SETITEM":
                items = stack[-2:]
                del stack[-2:]
                fill(stack[-1], items)
            case "SETITEMS":
                items = since_mark()
                fill(stack[-1], items)
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_known(argument, functions))
            case "STACK_GLOBAL":
                stack[-2:] = [_known(" ".join(stack[-2:]), functions)]
            case "BINPERSID":
                stack.append(persistent(stack.pop()))
            case "REDUCE":
                function, arguments = stack[-2:]
                if not isinstance(arguments, tuple) or len(arguments) > MOST_ARGUMENTS:
                    raise TypeError("a pickle that calls a function with no list of arguments, or with too many")
                stack[-2:] = [function(*arguments)]  # nothing on the stack but `functions` can be called
            case "BUILD":
                stack.pop()  # what an object keeps beside its value: versions of modules, hooks
            case "STOP":
                return stack.pop()
            case name:
                raise InputError(f"its pickle uses the instruction {name}, which no saved state dict needs; "
                                 "save model.state_dict(), not the model")
    raise ValueError("a pickle without an end")


def fill(mapping, items):
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
