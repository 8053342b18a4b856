"""`tinyattr lesson list | run N | student N | notebook N`."""

import textwrap
from contextlib import chdir
from pathlib import Path

from tinyattr.cli.command import command, option
from tinyattr.cli.outputs import check
from tinyattr.course.notebook import notebook
from tinyattr.course.run import run
from tinyattr.course.script import lessons, numbered, read
from tinyattr.course.student import student
from tinyattr.errors import InputError
from tinyattr.files.atomic import write_text

LESSON = option("lesson", metavar="N", type=int, help="number of a lesson")


def out(ending):
    """The option that names a lesson's copy."""
    return option("--out", metavar="FILE", help=f"file to write; default: the lesson's name, ending {ending}")


@command("lesson list", "")
def run_list(options):
    """Number, question, minutes and seconds of every lesson."""
    for lesson in lessons():
        fields = lesson.fields
        print(f"{lesson.number:>2}  {lesson.title}  ({fields['Time'].split(' (')[0]}, {fields['CPU']} of CPU)")
        print(textwrap.fill(lesson.question, 100, initial_indent="    ", subsequent_indent="    "))


@command("lesson run", "5 --out figures",
         option("lesson", metavar="N", help="number of a lesson, or the file of a copy"),
         option("--out", dest="folder", metavar="FOLDER", default=".",
                help="where figures go; default: the working folder"))
def run_lesson(options):
    """Run a lesson, or a student's copy of one, cell by cell."""
    lesson = numbered(int(options.lesson)) if options.lesson.isdecimal() else read(Path(options.lesson).resolve())
    if not Path(options.folder).is_dir():
        raise InputError(f"no folder {options.folder!r} to put figures into")
    with chdir(options.folder):  # a lesson's figures go to the working folder
        done = run(lesson)
    failed = {o.exercise for o in done.failed}
    left = [number for number, _, _ in lesson.exercises if number in failed]
    print(f"exercises solved: {len(lesson.exercises) - len(left)} of {len(lesson.exercises)}; {done.cpu:.1f} s of CPU")
    if failed:
        raise InputError(f"exercises left: {', '.join(left)}" if left else "a cell that is no exercise failed")


@command("lesson student", "5 --out my_05.py", LESSON, out(".py"))
def run_student(options):
    """A copy of a lesson without its solutions."""
    copy(options, ".py", lambda source, name: student(source))
    print(f"lesson  {options.out}\nrun it  tinyattr lesson run {options.out}")


@command("lesson notebook", "5 --student", LESSON,
         option("--student", action="store_true", help="without the solutions"), out(".ipynb"))
def run_notebook(options):
    """A lesson as a Jupyter notebook."""
    copy(options, ".ipynb", lambda source, name: notebook(student(source) if options.student else source, name))
    print(f"notebook  {options.out}")


def copy(options, ending, change):
    """Write change(source, name) of a lesson's script, which itself is never overwritten."""
    script = numbered(options.lesson).path
    options.file, options.out = script, options.out or script.with_suffix(ending).name
    check(options)
    write_text(options.out, change(script.read_text(encoding="utf-8"), script.name))
