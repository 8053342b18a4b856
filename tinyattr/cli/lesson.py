"""`tinyattr lesson list | run N | student N | notebook N`."""

import textwrap
from contextlib import chdir
from pathlib import Path

from tinyattr.course.notebook import notebook
from tinyattr.course.run import run
from tinyattr.course.script import lessons, numbered, read
from tinyattr.course.student import student
from tinyattr.errors import InputError
from tinyattr.files.atomic import all_different, write_text


def add(kinds, command):
    """Put the four commands under `kinds`; `command` makes one, as all others are made."""
    command(kinds, "list", run_list, "number, question, minutes and seconds of every lesson", "tinyattr lesson list")
    play = command(kinds, "run", run_lesson, "run a lesson, or a student's copy of one, cell by cell",
                   "tinyattr lesson run 5 --out figures")
    play.add_argument("lesson", metavar="N", help="number of a lesson, or the file of a copy")
    play.add_argument("--out", metavar="FOLDER", default=".", help="where figures go; default: the working folder")
    copy = command(kinds, "student", run_student, "a copy of a lesson without its solutions",
                   "tinyattr lesson student 5 --out my_05.py")
    book = command(kinds, "notebook", run_notebook, "a lesson as a Jupyter notebook",
                   "tinyattr lesson notebook 5 --student")
    book.add_argument("--student", action="store_true", help="without the solutions")
    for one, ending in ((copy, "py"), (book, "ipynb")):
        one.add_argument("lesson", metavar="N", type=int, help="number of a lesson")
        one.add_argument("--out", metavar="FILE", help=f"file to write; default: the lesson's name, ending .{ending}")


def run_list(options):
    """All lessons, two lines each."""
    for lesson in lessons():
        fields = lesson.fields
        print(f"{lesson.number:>2}  {lesson.title}  ({fields['Time'].split(' (')[0]}, {fields['CPU']} of CPU)")
        print(textwrap.fill(lesson.question, 100, initial_indent="    ", subsequent_indent="    "))


def run_lesson(options):
    """Run every cell, and say which exercises are open. Raises InputError if any cell fails."""
    lesson = numbered(int(options.lesson)) if options.lesson.isdecimal() else read(Path(options.lesson).resolve())
    folder = Path(options.out)
    if not folder.is_dir():
        raise InputError(f"no folder {options.out!r} to put figures into")
    with chdir(folder):  # a lesson's figures go to the working folder
        done = run(lesson)
    failed = {o.exercise for o in done.failed}
    solved = [number for number, _, _ in lesson.exercises if number not in failed]
    print(f"exercises solved: {len(solved)} of {len(lesson.exercises)}; {done.cpu:.1f} s of CPU")
    if failed:
        left = [number for number, _, _ in lesson.exercises if number in failed]
        raise InputError(f"exercises left: {', '.join(left)}" if left else "a cell that is no exercise failed")


def run_student(options):
    """Write a lesson without its solutions."""
    lesson = numbered(options.lesson)
    out = options.out or lesson.path.name
    all_different(lesson.path, out)
    write_text(out, student(lesson.path.read_text(encoding="utf-8")))
    print(f"lesson  {out}\nrun it  tinyattr lesson run {out}")


def run_notebook(options):
    """Write a lesson as a notebook."""
    lesson = numbered(options.lesson)
    out = options.out or lesson.path.with_suffix(".ipynb").name
    all_different(lesson.path, out)
    source = lesson.path.read_text(encoding="utf-8")
    write_text(out, notebook(student(source) if options.student else source, lesson.path.name))
    print(f"notebook  {out}")
