"""Ctrl-C while the command line is still being imported ends it without a word; once a command runs, with one line.

`tinyattr` and `python3 -m tinyattr` both import the whole package before a line of the command line runs. Nothing is
half done by then, so the system's own way to end a program will do. `main` listens again.

Python runs some functions where no exception can leave them: what a weak reference calls when its object dies, or what
a C library calls back. A KeyboardInterrupt that is raised there is dropped, with a traceback. It must not be: the user
asked once. So it is raised again a moment later, where it can be caught.
"""

import _thread
import signal
import sys
import threading
from pathlib import Path

COMMAND = {"-m", "tinyattr"}  # what sys.argv[0] is called while `python3 -m tinyattr`, or `tinyattr`, is being loaded


def ends_at_once():
    """Let Ctrl-C end this process without a word, unless it was started to ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def is_an_exception():
    """Let Ctrl-C be a KeyboardInterrupt again, if `ends_at_once` changed that, and one that is never dropped."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = _not_dropped


def _not_dropped(found):
    if found.exc_type is KeyboardInterrupt:
        threading.Timer(0.02, _thread.interrupt_main).start()  # by then the function has returned
    else:
        sys.__unraisablehook__(found)


if Path(sys.argv[0]).stem in COMMAND and threading.current_thread() is threading.main_thread():
    ends_at_once()
