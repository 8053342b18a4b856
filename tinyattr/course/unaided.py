"""Make sure that students write an answer themselves: while it runs, it cannot call functions of the library."""

import sys
from functools import wraps
from types import FunctionType


class OutOfReachError(AssertionError):
    """An OutOfReachError says that an answer called a function instead of doing the work itself."""


def unaided(*allowed):
    """Return a decorator for an answer that students must write: it may call only the `allowed` functions of tinyattr.

    The answer may also call methods of networks, tapes and heatmaps, and functions that are its arguments. An allowed
    function may call anything. If the answer calls another function of tinyattr, that line raises OutOfReachError.
    """
    codes = {getattr(f, "__code__", None) for f in allowed}

    def decorate(answer):
        @wraps(answer)
        def watched(*arguments, **options):
            before, here = sys.getprofile(), sys._getframe()

            def watch(frame, event, _):
                code = frame.f_code
                if event == "call" and _of_library(frame) and code not in codes and not _is_free(code):
                    caller = frame.f_back
                    while caller is not here:
                        if _of_library(caller) or caller.f_code is _HANDED:
                            return
                        caller = caller.f_back
                    name = type(frame.f_locals["self"]).__name__ if code.co_name == "__init__" else code.co_name
                    raise OutOfReachError(f"{answer.__name__} calls tinyattr's {name}; here you write it yourself")

            sys.setprofile(watch)
            try:
                return answer(*(_handed(a) if isinstance(a, FunctionType) else a for a in arguments), **options)
            finally:
                sys.setprofile(before)
        return watched
    return decorate


def _of_library(frame):
    """Return True for a call of a tinyattr function that is not a helper of the course."""
    module = f"{frame.f_globals.get('__name__')}."
    return module.startswith("tinyattr.") and not module.startswith("tinyattr.course.")


def _is_free(code):
    """Return True for the code of a method, or of a module that is imported now."""
    return code.co_name == "<module>" or ("." in code.co_qualname and "<locals>" not in code.co_qualname)


def _handed(f):
    """Return a function that calls f. Its code (_HANDED) shows that f was an argument of the answer."""
    @wraps(f)
    def handed(*arguments, **options):
        return f(*arguments, **options)
    return handed


_HANDED = _handed(len).__code__
