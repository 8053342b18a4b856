"""The command line: `tinyattr demo`, `tinyattr explain IMAGE`, `tinyattr weights list`, ... Each has --help."""

import argparse
import os
import signal
import sys
import warnings
from contextlib import suppress

import tinyattr as ta
from tinyattr.cli import attacks, bench, check, claims, glyphs, heatmaps, lesson, outputs, weights  # noqa: F401
from tinyattr.cli.command import COMMANDS
from tinyattr.cli.interrupt import ends_at_once, is_an_exception

GROUPS = {  # commands of two words: what the first word is about
    "lesson": "the course of twenty-two lessons, each a script: list, run, student's copy, notebook, handout, grade",
    "weights": "weight files: list, fetch, convert, show, verify",
}


class Parser(argparse.ArgumentParser):
    """A Parser is an argparse parser that prints an error as one line."""

    def error(self, message):
        """Print the error and exit with status 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments=None):
    """Run one command. Returns the exit status: 0, or 1 after one line on standard error. `entry` handles Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name with letters that the terminal cannot show must not stop us
    options = parser().parse_args(arguments)
    try:
        is_an_exception()
        if not vars(options).get("window") or options.browser or options.figure:
            os.environ["MPLBACKEND"] = "agg"  # figures go into files, whatever window MPLBACKEND names
        outputs.check(options)
        options.run(options)
    except ta.InputError as error:
        return _complain(error)
    except BrokenPipeError:  # the reader of our output closed the pipe, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        return _complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except MemoryError:
        return _complain("not enough memory for this network and picture")
    return 0


def _complain(message):
    print(f"tinyattr: {' '.join(str(message).split())}", file=sys.stderr)
    return 1


def parser():
    """Return the parser for all COMMANDS and their options."""
    top = Parser(prog="tinyattr", description="Gradient attribution made transparent. "
                 "Start with `tinyattr demo`.")
    top.add_argument("--version", action="version", version=f"tinyattr {ta.__version__}")
    groups = {"": top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)}
    for group, what in GROUPS.items():
        kinds = groups[""].add_parser(group, help=what, description=what)
        groups[group] = kinds.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=Parser)
    for name, (run, example, options, defaults) in sorted(COMMANDS.items()):
        group, _, last = name.rpartition(" ")
        what = (run.__doc__ or f"{name}.").splitlines()[0]  # python3 -OO leaves docstrings out
        made = groups[group].add_parser(last, help=what, description=what, epilog=f"example: {example}")
        for names, settings in options:
            made.add_argument(*names, **settings)
        made.set_defaults(run=run, **defaults)
    return top


def entry():
    """Run the `tinyattr` command: the program starts here."""
    warnings.formatwarning = lambda message, *_: f"tinyattr: {' '.join(str(message).split())}\n"
    try:
        status = main()
        ends_at_once()  # all output is written
    except KeyboardInterrupt:
        _complain("interrupted")
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(128 + signal.SIGINT)  # without clean-up: interrupted libraries, such as LLVM, may crash then
    sys.exit(status)
