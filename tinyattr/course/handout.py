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

1. Open its file in the folder `lessons` with any editor. Read text and code from top to bottom.
2. Replace the line `raise NotImplementedError(...)  # your lines` by your answer. Do not change the headings of
   exercises, or the checks below your answer. If an answer needs an import or a function of your own, write it in the
   same exercise, above the checks.
3. Run the lesson, in this folder: `python3 -m tinyattr lesson run {first}`.
   A solved exercise prints ok; any other says what is missing, and does not stop the exercises after it. Figures
   appear in this folder. (With an editor's Run button, Python may not find this folder: `No module named 'tinyattr'`.)
4. Hand in the lesson's file. You may change its name, but not its ending.
{notebooks}
`GLOSSARY.md` explains words that you do not know.

The folder `tinyattr` is the library that the lessons call. It was written to be read, so read it. Your answers are
graded with the original library: your changes in this folder have no effect there.
"""
NOTEBOOKS = """
The files that end in `.ipynb` are the same lessons for Jupyter. (Type `python3 -m pip install notebook` once. Then type
`python3 -m notebook` in this folder.) Write your answer in the cell that ends in `# your lines`, and run the cell of
checks below it. Hand in the script or the notebook.
"""


def handout(folder, numbers=None, notebooks=False):
    """Write a new folder for students, with lessons of these numbers, or all. It appears complete or not at all.

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
