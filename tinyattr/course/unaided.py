"""Answers that a student writes: while one runs, the library's own functions are out of reach."""

import sys
from functools import wraps
from types import FunctionType


class OutOfReachError(AssertionError):
    """An answer called what it should do itself."""


def unaided(*allowed):
    """A decorator for an answer that is to be written, not called: only `allowed` functions are in reach meanwhile.

    Methods of networks, tapes and heatmaps are always in reach, and so are functions that the answer is handed as
    arguments; what an allowed function calls is its own business. Any other call of a function of tinyattr raises
    OutOfReachError in the answer's line.
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
    """Is this a call of tinyattr's, the course's own helpers left out?"""
    module = f"{frame.f_globals.get('__name__')}."
    return module.startswith("tinyattr.") and not module.startswith("tinyattr.course.")


def _is_free(code):
    """Is this a method, or a module that is being imported?"""
    return code.co_name == "<module>" or ("." in code.co_qualname and "<locals>" not in code.co_qualname)


def _handed(f):
    """The function, marked as one that was handed to the answer."""
    @wraps(f)
    def handed(*arguments, **options):
        return f(*arguments, **options)
    return handed


_HANDED = _handed(len).__code__
