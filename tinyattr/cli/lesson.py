"""`tinyattr lesson list | run N | student N | notebook N | handout DIR | grade FILES`."""

import textwrap
from contextlib import chdir
from importlib import import_module
from pathlib import Path

from tinyattr.cli.command import command, option
from tinyattr.cli.outputs import check, tell
from tinyattr.cli.shared import shared
from tinyattr.course.notebook import notebook
from tinyattr.course.run import run
from tinyattr.course.script import lessons, numbered, parsed, read
from tinyattr.course.student import student
from tinyattr.errors import InputError, number_of
from tinyattr.files.atomic import all_different, write_text

LESSON = option("lesson", metavar="N", type=int, help="number of a lesson")


def out(ending):
    """Return the option --out of commands that write a copy of a lesson."""
    return option("--out", metavar="FILE", help=f"file to write; default: the lesson's name with the ending {ending}")


@command("lesson list", "")
def run_list(options):
    """Print the number, question, minutes and CPU seconds of every lesson."""
    for lesson in lessons():
        fields = lesson.fields
        print(f"{lesson.number:>2}  {lesson.title}  ({fields['Time'].split(' (')[0]}, {fields['CPU']} of CPU)")
        print(textwrap.fill(lesson.question, 100, initial_indent="    ", subsequent_indent="    "))


@command("lesson run", "5 --out figures",
         option("lesson", metavar="N", help="number of a lesson, or the file of a copy"),
         option("--out", dest="folder", metavar="FOLDER", default=".",
                help="folder for the figures; default: the working folder"))
def run_lesson(options):
    """Run a lesson, or a student's copy of a lesson, cell by cell."""
    lesson = numbered(int(options.lesson)) if options.lesson.isdecimal() else read(Path(options.lesson).resolve())
    if not Path(options.folder).is_dir():
        raise InputError(f"there is no folder {options.folder!r} for the figures; make it, or name another with --out")
    with chdir(options.folder):  # a lesson's figures go to the working folder
        done = run(lesson)
    failed = {o.exercise for o in done.failed}
    left = [number for number, _, _ in lesson.exercises if number in failed]
    print(f"exercises solved: {len(lesson.exercises) - len(left)} of {len(lesson.exercises)}; {done.cpu:.1f} s of CPU")
    if failed:
        raise InputError(f"exercises left: {', '.join(left)}" if left else "a cell that is not an exercise failed")


@command("lesson student", "5 --out my_05.py", LESSON, out(".py"), *shared("--overwrite"))
def run_student(options):
    """Write a copy of a lesson without its solutions."""
    copy(options, ".py", lambda source, path: student(source))
    print(f"lesson  {options.out}\nrun it  tinyattr lesson run {options.out}")


@command("lesson notebook", "5 --student", LESSON, out(".ipynb"), *shared("--overwrite"),
         option("--student", action="store_true", help="leave the solutions out"),
         option("--nbgrader", action="store_true", help="add points and cells for nbgrader"))
def run_notebook(options):
    """Write a lesson as a Jupyter notebook."""
    copy(options, ".ipynb", lambda source, path: notebook(parsed(student(source) if options.student else source, path),
                                                          options.nbgrader))
    print(f"notebook  {options.out}")


def copy(options, ending, change):
    """Write a copy of a lesson: change(its source, its path). The lesson itself is never overwritten."""
    script = numbered(options.lesson).path
    options.file, options.out = script, options.out or script.with_suffix(ending).name
    check(options)
    write_text(options.out, change(script.read_text(encoding="utf-8"), script))


@command("lesson handout", "handout --lessons 1 7", option("folder", metavar="DIR", help="a new folder"),
         option("--lessons", type=int, nargs="+", metavar="N", help="numbers of the lessons; default: all"),
         option("--notebooks", action="store_true", help="add each lesson as a notebook"))
def run_handout(options):
    """Make a folder for students: copies of lessons without solutions, the package, and instructions."""
    teachers("handout").handout(options.folder, options.lessons, options.notebooks)
    print(f"handout  {options.folder}\nread     {Path(options.folder, 'README.md')}")


@command("lesson grade", "handed_in --csv marks.csv",
         option("files", nargs="+", metavar="FILE", help="scripts and notebooks of students, and folders of them"),
         option("--lesson", type=int, metavar="N",
                help="number of the lesson, for files without any exercise left in them"),
         option("--points", metavar="FILE",
                help='file with the points of exercises, in lines such as "0.1" = 2; default: 1 each'),
         option("--timeout", type=float, default=60, metavar="SECONDS",
                help="time limit for each answer; default: %(default)g"),
         option("--csv", metavar="FILE", help="file to write the marks to"), *shared("--json --overwrite"))
def run_grade(options):
    """Give points for every exercise of every file. Each answer runs in its own process, with the lesson's checks."""
    marks = teachers("marks")
    worth = options.points and marks.worths(options.points)
    if options.lesson is not None:
        numbered(options.lesson)
    number_of(options.timeout, "--timeout", 0.1, 86400)
    files = marks.listed(options.files)
    all_different(*files, options.csv, options.json)  # marks replace nobody's work
    found = marks.grade(files, options.lesson, options.timeout, worth)
    rest = marks.left_out(options.files)
    tell(options, marks.table(found) + (f"\nneither scripts nor notebooks: {', '.join(rest)}" if rest else ""), found)
    if options.csv is not None:
        write_text(options.csv, marks.comma_separated(found))
        print(f"marks    {options.csv}")
    short = sum(row["points"] < row["of"] or row["of"] == 0 for row in found)
    if short:
        raise InputError(f"{short} of {len(found)} files do not have all points")


def teachers(name):
    """Import a module of the course that students do not get. Raises InputError in a handout."""
    try:
        return import_module(f"tinyattr.course.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"tinyattr.course.{name}":
            raise
        raise InputError("a student's package cannot grade or make a handout; use the full package") from None
