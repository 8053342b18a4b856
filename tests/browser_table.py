"""The lessons as a browser would run them: what each takes, in lessons/pages/browser.md.

python -m tests.browser_table      runs all lessons, one after the other, and writes the table anew

Pyodide, Python in a browser, has no Numba, no threads, no other processes, and lacks some modules. Here the same is
taken away from the Python of this machine. It is no browser: WebAssembly is slower, by a factor that only a browser tells.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile

from tests.generated import PAGES, ROOT, with_part, write
from tinyattr.course.script import lessons

PATH = PAGES / "browser.md"
START, END = "<!-- in a browser: python -m tests.browser_table -->", "<!-- end of the table -->"
MISSING = ("numba", "llvmlite", "fcntl", "resource", "pwd", "grp", "termios", "syslog", "curses", "tkinter", "readline")
WITHOUT = f"""
import resource, sys, threading, subprocess, os, json

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in {MISSING} else self.finder.find_spec(name, path, target)

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for name in {MISSING}:
    sys.modules.pop(name, None)
sys.meta_path[:] = map(Without, sys.meta_path)

def no_thread(*given, **named):
    raise RuntimeError("can't start new thread")

def no_process(*given, **named):
    raise OSError(138, "emscripten does not support processes.")

threading.Thread.start, subprocess.Popen.__init__, os.fork = no_thread, no_process, no_process
"""
RUN = """
from tinyattr.course.run import run
from tinyattr.course.script import lessons

[lesson] = [lesson for lesson in lessons() if lesson.number == int(sys.argv[1])]
done = run(lesson)
print("\\n" + json.dumps({"seconds": done.cpu, "megabytes": peak(), "failed": [str(o) for o in done.failed]}))
"""


def measured(number):
    """{"seconds", "megabytes", "failed"} of one lesson: one thread, and nothing that a browser lacks."""
    one = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", WITHOUT + RUN, str(number)], cwd=folder, capture_output=True, text=True, check=False,
                              env={**os.environ, "PYTHONPATH": str(ROOT), **one})
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def table():
    lines = [f"Python {platform.python_version()}, {platform.machine()}, one thread, NumPy only:", "",
             "| lesson | seconds | memory, MB | all cells run |", "|---|---|---|---|"]
    for lesson in lessons():
        found = measured(lesson.number)
        lines.append(f"| {lesson.number} {lesson.title} | {found['seconds']:.0f} | {found['megabytes']} | {'no' if found['failed'] else 'yes'} |")
        print(lines[-1], *found["failed"], sep="\n", flush=True)
    return "\n".join(lines)


if __name__ == "__main__":
    part = table()
    write(PATH, lambda text: with_part(text, START, END, part))
