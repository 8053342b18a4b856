"""Make a handout for a class: copies of lessons without solutions, the package without grader, and instructions."""

import shutil
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from tempfile import TemporaryDirectory

from tinyattr.course.notebook import notebook
from tinyattr.course.script import lessons, numbered, parsed
from tinyattr.course.student import student
from tinyattr.errors import InputError
from tinyattr.files.embedded import PACKAGE, embedded

TEACHERS = ("grade.py", "handed_in.py", "handout.py", "marks.py")
PAGE = """# Lessons on heatmaps

{list}

## Once

You need Python 3.11 or newer. Open a terminal in this folder, the one with `requirements.txt` in it, and type

    python3 -m pip install -r requirements.txt

(on Windows `py` instead of `python3`). After that, you do not need the internet.

## In each lesson

1. Open its file in the folder `lessons` with any editor. It is read from top to bottom, text and code.
2. Where it says `raise NotImplementedError(...)  # your lines`, your answer takes the place of that line. Leave the
   headings of exercises and the checks below your answer as they are. Whatever an answer needs, such as a function of
   your own or an import, stands in the same exercise, above its checks.
3. Run it, in this folder: `python3 -m tinyattr lesson run {first}`.
   Solved exercises say ok, others say what is missing, and no exercise waits for another one. Figures appear in this
   folder. (With the Run button of an editor, Python may say `No module named 'tinyattr'`, as it looks elsewhere.)
4. Hand in the file itself, under any name that keeps its ending.
{notebooks}
`GLOSSARY.md` explains words that you do not know.

The folder `tinyattr` is the library that the lessons call. It was written for readers, so read it. Your changes there
do not matter for the person who grades your answers.
"""
NOTEBOOKS = """
The files that end in `.ipynb` are the same lessons for Jupyter (`python3 -m pip install notebook`, then, in this
folder, `python3 -m notebook`). Write your answer in the cell that ends in `# your lines`, and run the cell of checks
below it. Hand in the script or the notebook.
"""


def handout(folder, numbers=None, notebooks=False):
    """Write a new folder for students, with these lessons or with all. It appears complete or not at all.

    Raises InputError if the folder is not empty, because it may hold somebody's work.
    """
    folder, chosen = Path(folder), [numbered(n) for n in numbers] if numbers else lessons()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{str(folder)!r} exists and is not empty; somebody may have worked there: name a new folder")
    if not folder.parent.is_dir():
        raise InputError(f"no folder {str(folder.parent)!r} to write {folder.name!r} into")
    with TemporaryDirectory(dir=folder.parent) as room:
        made = Path(room, "made")
        shutil.copytree(PACKAGE, made / "tinyattr", ignore=shutil.ignore_patterns("__pycache__", "lessons", *TEACHERS))
        shutil.copytree(embedded("weights"), made / "tinyattr" / "weights", dirs_exist_ok=True)
        (made / "lessons").mkdir()
        shutil.copytree(embedded("lessons/own_network"), made / "lessons" / "own_network",  # one lesson reads this file
                        ignore=shutil.ignore_patterns("__pycache__"))
        for lesson in chosen:
            copy = student(lesson.path.read_text(encoding="utf-8"))
            (made / "lessons" / lesson.path.name).write_text(copy, encoding="utf-8")
            if notebooks:
                book = made / f"{lesson.path.stem}.ipynb"  # here, because a notebook needs the library next to it
                book.write_text(notebook(parsed(copy, lesson.path)), encoding="utf-8")
        shutil.copy(embedded("lessons/GLOSSARY.md"), made)
        (made / "requirements.txt").write_text("\n".join(_needed()) + "\n", encoding="utf-8")
        (made / "README.md").write_text(_page(chosen, notebooks), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        made.rename(folder)


def _page(chosen, notebooks):
    """Return the page of instructions."""
    names = [f"lessons/{lesson.path.name}" for lesson in chosen]
    listed = "\n".join(f"- `{name}`, {lesson.fields['Time'].split(' (')[0]}: {lesson.title}. {lesson.question}"
                       for name, lesson in zip(names, chosen, strict=True))
    return PAGE.format(list=listed, first=names[0], notebooks=NOTEBOOKS if notebooks else "")


def _needed():
    """Return the libraries that the package and its lessons need, in pip's format."""
    try:
        lines = requires("tinyattr")
    except PackageNotFoundError:
        raise InputError("install tinyattr, so that its requirements are known: python3 -m pip install .") from None
    for line in lines:
        library, _, extra = line.partition(";")
        if not extra or "lessons" in extra:
            yield library.strip()
