"""Grade what students hand in: each answer alone, in a fresh copy of the lesson, in its own process and folder.

We run the lesson once, as students get it, and stop before the checks of each exercise. There the process forks (makes
a copy of itself) once for each file. The copy runs the answer from this file, then the lesson's own checks, and sends
the result through a pipe. In the checks, names that the sample solution defines have the values of the student's
answer. All other names have the values of the lesson or of Python. (We fork on Linux only. Elsewhere each new process
runs the lesson itself first.)

This protects against accidents and common tricks, but not against code that attacks its own process or your files: for
that you need a container.
"""

import ast
import builtins
import os
import signal
import symtable
import sys
import warnings
from contextlib import chdir, contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import numpy as np

from tinyattr import course
from tinyattr.course.handed_in import answer
from tinyattr.course.run import execute, said, stage
from tinyattr.course.script import read
from tinyattr.course.student import BEGIN, halves, student
from tinyattr.engine.backend import NUMPY, PREFERRED
from tinyattr.errors import InputError
from tinyattr.files.embedded import embedded

WAY = "fork" if sys.platform == "linux" else "spawn"  # spawn: each child runs the lesson again, which takes longer
MEMORY = 4 * 2**30  # bytes that an answer may use, in addition to the lesson
LONGEST = 400  # characters of a reason
PROCESSES = {"os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.kill", "os.killpg",
             "subprocess.Popen", "socket.connect", "ctypes.dlopen"}  # names of Python's audit events
FILES = {"open", "os.chdir", "os.link", "os.symlink", "os.rename"}


def reasons(lesson, handed_in, seconds, way=WAY):
    """Return {file: {exercise: reason why it gets no point, or ""}} for files of one lesson.

    handed_in: {file: {exercise: [(line, text), ...]}}, from `handed_in.exercises`. seconds: time limit of an answer.
    """
    found, real = {file: {} for file in handed_in}, {file: os.path.realpath(file) for file in handed_in}
    with TemporaryDirectory(ignore_cleanup_errors=True) as room, chdir(room):
        copy = Path(room, lesson.path.name)
        copy.write_text(student(lesson.path.read_text(encoding="utf-8")), encoding="utf-8")
        with _begun(copy) if way == "fork" else nullcontext((None, None)) as (left, names):
            for exercise, code in [(cell.exercise, cell.code) for cell in lesson.cells if cell.exercise]:
                here = (_judge, _checks(left, names, exercise), names) if way == "fork" else (_anew, copy, exercise)
                for file, places in handed_in.items():
                    others = [real[other] for other in handed_in if other != file]
                    found[file][exercise] = _one(places.get(exercise, ())) or _verdict(
                        get_context(way), seconds, *here, _solution(code), others, file, *places[exercise][0])
    return found


def _one(places):
    """Return "" if an exercise is in a file once, else say what is wrong."""
    return {0: "it is not in the file", 1: ""}.get(len(places), f"it is in the file {len(places)} times; keep one")


@contextmanager
def _begun(copy):
    """Yield a lesson's cells, of which none has run yet, and their namespace.

    When the caller runs the cells, they print nothing, and networks compute with the NumPy backend.
    """
    lesson, backend = read(copy), PREFERRED[0]
    with (stage(lesson) as names, open(os.devnull, "w") as nowhere, redirect_stdout(nowhere),
          warnings.catch_warnings(action="ignore")):
        PREFERRED[0] = NUMPY
        try:
            yield list(lesson.cells), names
        finally:
            PREFERRED[0] = backend


def _checks(left, names, exercise):
    """Run a lesson up to the checks of an exercise, and return these checks. The exercise runs without an answer."""
    while left[0].exercise != exercise:
        execute(left.pop(0), names)
    given, checks = halves(left[0].code)
    execute(replace(left[0], code=given), names)
    left[0] = replace(left[0], code=checks, line=left[0].line + given.count("\n"))
    return left[0]


def _solution(code):
    """Return the statements of an exercise, up to its checks, that contain the solution or follow it."""
    given, _ = halves(code)
    begin = given[:given.index(BEGIN)].count("\n") + 1
    return [statement for statement in ast.parse(given).body if statement.end_lineno > begin]


def _defined(statements):
    """Return the names that statements assign, without names inside functions."""
    names = symtable.symtable(ast.unparse(statements), "", "exec").get_symbols()
    return {name.get_name() for name in names if name.is_assigned() or name.is_imported()}


def _verdict(context, seconds, judge, *arguments):
    """Judge an answer in a child process and in an empty folder, so that it finds nothing that another answer wrote.

    Returns the reason why it gets no point, or "".
    """
    here, there = context.Pipe(duplex=False)
    token = token_hex()
    with TemporaryDirectory(dir=".", ignore_cleanup_errors=True) as folder:
        child = context.Process(target=judge, args=(*arguments, folder, there, token), daemon=True)
        child.start()
        there.close()
        try:
            here.recv_bytes()  # the child is ready for the answer
            if not here.poll(seconds):
                return f"not done after {seconds:g} seconds"
            sender, _, why = here.recv_bytes(10 * LONGEST).decode().partition(" ")
            return why if sender == token else "it sends a verdict of its own"
        except (EOFError, OSError, UnicodeDecodeError):
            return "it ended its process before the checks were done"
        finally:
            with suppress(AttributeError, OSError):
                os.killpg(child.pid, signal.SIGKILL)  # the child and all processes that it started
            child.kill()
            child.join()


def _anew(copy, exercise, *arguments):
    """Judge an answer in a child process that is no copy of its parent: run the lesson first."""
    with _begun(copy) as (left, names):
        _judge(_checks(left, names, exercise), names, *arguments)


def _judge(checks, names, solution, others, file, line, text, folder, there, token):
    """In a child process, run an answer and its checks, and send the reason why it gets no point, or ""."""
    os.chdir(folder)
    with suppress(AttributeError):
        os.setsid()  # make a group of processes, which we can kill as a whole
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    there.send_bytes(b"ready")
    _limit_memory()
    seen = _watched(others)
    try:
        own = _defined(solution)
        given = _decorated(answer(line, text, checks.code), solution)
        lessons = _builtins(checks.code) | names
        _run(given, file, checks, {name: thing for name, thing in lessons.items() if name not in own})
        why = ""
    except BaseException as error:
        why = _words(error)
    there.send_bytes(f"{token} {seen[0] if seen else why}".encode())


def _decorated(given, solution):
    """Return the answer's statements with the decorators of the lesson, even if the student removed them."""
    for function in solution:
        for decorator in reversed(getattr(function, "decorator_list", ())):
            for own in given.body:
                if isinstance(own, ast.FunctionDef) and own.name == function.name:
                    own.decorator_list = [d for d in own.decorator_list if ast.dump(d) != ast.dump(decorator)]
            given.body += ast.parse(f"{function.name} = {ast.unparse(decorator)}({function.name})").body
    return given


def _run(given, file, checks, names):
    """Run an answer, then the checks, with the lesson's names. Raises errors of both, and InputError for cheating."""
    library = _library()
    arrays = {name: thing.tobytes() for name, thing in names.items() if isinstance(thing, np.ndarray)}
    helpers = {name: names[name] for name in course.__all__ if name in names}
    mine = dict(names)
    exec(compile(given, str(file), "exec"), mine)
    _kept(helpers, mine)
    for name, array in arrays.items():
        if names[name].tobytes() != array:
            raise InputError(f"it changes {name}, which the lesson still needs")
    mine |= names
    again = _defined(ast.parse(checks.code).body)
    try:
        exec(compile("\n" * (checks.line - 1) + checks.code, names["__file__"], "exec"), mine)
    finally:  # if the answer replaced a function, the checks may fail with another error, so we look for this always
        _kept({name: thing for name, thing in names.items() if callable(thing) and name not in again}, mine)
        _kept(library, _library())


def _builtins(code):
    """Return {name: object} of Python's own functions and classes that a text of code uses."""
    named = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    return {name: thing for name, thing in vars(builtins).items() if name in named}


def _kept(before, now):
    """Raise InputError for the first object in `before` that was replaced. before, now: {name: object}."""
    for name, thing in before.items():
        if now.get(name) is not thing:
            raise InputError(f"it replaces {name}, which the checks rely on")


def _library():
    """Return {name: object}: the functions and classes of this package, NumPy and Python, and the functions' code."""
    found = {}
    for module in [name for name in sys.modules if name.split(".")[0] in ("tinyattr", "numpy", "builtins")]:
        ours = module.startswith("tinyattr")
        for name, thing in [(f"{module}.{name}", thing) for name, thing in vars(sys.modules[module]).items()]:
            if callable(thing):
                found |= {name: thing, f"the code of {name}": getattr(thing, "__code__", None)}
            if ours and isinstance(thing, type | dict):
                parts = thing if isinstance(thing, dict) else vars(thing)
                found |= {f"{name}: {key}": part for key, part in parts.items() if callable(part)}
    return found


def _watched(others):
    """Return a list, which gets a text each time the process runs a program, or opens the lessons or others' files."""
    closed = {os.path.realpath(embedded("lessons")): "it opens the lessons, where the solutions are",
              **dict.fromkeys(others, "it opens what somebody else hands in")}
    seen = []

    def hook(event, arguments):
        before = len(seen)
        if event in PROCESSES:
            seen.append(f"it calls {event}")
        elif event in FILES:
            paths = [os.path.realpath(os.fsdecode(a)) for a in arguments if isinstance(a, str | bytes | os.PathLike)]
            seen.extend(why for place, why in closed.items() if any(path.startswith(place) for path in paths))
        if len(seen) > before:
            raise PermissionError(seen[-1])

    sys.addaudithook(hook)
    return seen


def _limit_memory():
    """Let this process use at most MEMORY bytes more than it has now. This works only on Linux."""
    with suppress(ImportError, OSError):
        import resource

        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + MEMORY, has + MEMORY))


def _words(error):
    """Return an error as one line that a terminal can show."""
    if isinstance(error, NotImplementedError):
        return "open"
    words = str(error) if isinstance(error, AssertionError | InputError) else said(error)
    return "".join(c if c.isprintable() else " " for c in " ".join(words.split()))[:LONGEST]
