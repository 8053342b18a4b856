"""Ctrl-C while the command line is still being imported ends it without a word; once a command runs, with one line.

`tinyattr` and `python3 -m tinyattr` both import the whole package before a line of the command line runs. Nothing is
half done by then, so the system's own way to end a program will do. `main` listens again.
"""

import signal
import sys
import threading
from pathlib import Path

COMMAND = {"-m", "tinyattr"}  # what sys.argv[0] is called while `python3 -m tinyattr`, or `tinyattr`, is being loaded


def ends_at_once():
    """Let Ctrl-C end this process, if it is the command line's."""
    if Path(sys.argv[0]).stem in COMMAND and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def is_an_exception():
    """Let Ctrl-C be a KeyboardInterrupt again, if `ends_at_once` changed that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


ends_at_once()
