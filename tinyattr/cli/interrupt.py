"""Ctrl-C during the imports ends the command line silently. Once a command runs, Ctrl-C ends it with one line.

`tinyattr` and `python3 -m tinyattr` both import the whole package before the command itself starts. During the imports
no work is half done, so the system may simply end the program. Later, `main` lets Ctrl-C raise an exception again.

There are functions that no exception can leave, such as the callback of a weak reference, or a function that a C
library calls. If Ctrl-C raises KeyboardInterrupt in such a function, Python prints a traceback and goes on. But the
user presses Ctrl-C only once. So we raise the exception again a moment later, where it can be caught.
"""

import _thread
import signal
import sys
import threading
from pathlib import Path

COMMAND = {"-m", "tinyattr"}  # the program's name, sys.argv[0], while `python3 -m tinyattr` or `tinyattr` is loaded


def ends_at_once():
    """Let Ctrl-C end this process silently, unless the process was started so that it ignores Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def is_an_exception():
    """Let Ctrl-C raise KeyboardInterrupt again, if `ends_at_once` changed that, and make sure it is never dropped."""
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
