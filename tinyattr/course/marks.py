"""Marks of a class: the points of each file for each exercise, and the reasons for missing points."""

import csv
import io
import os
import tomllib
from itertools import groupby
from pathlib import Path

from tinyattr.course.grade import reasons
from tinyattr.course.handed_in import exercises
from tinyattr.course.script import lessons
from tinyattr.errors import InputError, number_of, unknown
from tinyattr.files.tables import aligned

TEXT = "a text, which you must read"
SKIPPED = ("tinyattr", "own_network", "site-packages", "__pycache__")  # folders of a handout, or of Python


def grade(files, lesson=None, seconds=60, worth=None):
    """Return the marks of each file: [{"file", "lesson", "points", "of", "why", "exercises"}], a dict for each file.

    "exercises" is {number: {"points", "of", "why"}}. "why" says why there are no points, or that you must read a text.
    files: as for `listed`. lesson: number, for files without exercises. worth: {exercise: points}; others are worth 1.
    Raises InputError for files that do not exist.
    """
    rows, known = [], {one.number: one for one in lessons()}
    read = [(*_read(file, lesson, known), str(file)) for file in listed(files)]
    for _, group in groupby(sorted(read, key=_lesson), key=_lesson):
        group = list(group)
        one = known.get(group[0][0])
        found = reasons(one, {file: places for _, places, _, file in group}, seconds) if one else {}
        rows += [_row(file, one, why, found.get(file, {}), worth or {}) for _, _, why, file in group]
    return rows


def _row(file, lesson, why, reasons, worth):
    """Return the marks of one file, given the reasons for no points, {exercise: reason or ""}."""
    texts = [number for number, kind, _ in lesson.exercises if kind == "explain"] if lesson else []
    each = {}
    for number, reason in reasons.items():
        of = worth.get(number, 1)
        each[number] = {"points": 0 if reason else of, "of": of,
                        "why": "" if why else reason or (TEXT if number in texts else "")}
    return {"file": _shown(file), "lesson": lesson and lesson.number, "points": sum(e["points"] for e in each.values()),
            "of": sum(e["of"] for e in each.values()), "why": why, "exercises": each}


def worths(path):
    """Return {exercise: points} from a TOML file with lines such as "0.1" = 2. Raises InputError."""
    try:
        given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read as points, lines such as \"0.1\" = 2: {error}") from None
    known = [number for lesson in lessons() for number, _, _ in lesson.exercises]
    for exercise, worth in given.items():
        if exercise not in known:
            raise unknown("exercise", exercise, known)
        number_of(worth, f"what exercise {exercise} is worth", 0, 1000)
    return given


def table(rows):
    """Return the marks as text: a table for each lesson, then the reason for each exercise without points."""
    text = []
    for _, group in groupby(rows, key=_lesson):
        group = list(group)
        columns = ["file", *(f"{number}:g" for number in group[0]["exercises"]), "points:g", "of:g"]
        text += [aligned(columns, [[row["file"], *(e["points"] for e in row["exercises"].values()), row["points"],
                                    row["of"]] for row in group]), ""]
    return "\n".join([*text, *(f"{row['file']}: {remark}" for row in rows for remark in _remarks(row))])


def comma_separated(rows):
    """Return the marks for a spreadsheet: a line for each file, a column for each exercise."""
    numbers = list(dict.fromkeys(n for row in rows for n in row["exercises"]))
    text = io.StringIO()
    to = csv.writer(text, lineterminator="\n")
    to.writerow(["file", "lesson", *numbers, "points", "of", "remarks"])
    for row in rows:
        each = [row["exercises"].get(n, {"points": ""})["points"] for n in numbers]
        to.writerow([row["file"], row["lesson"], *each, row["points"], row["of"], "; ".join(_remarks(row))])
    return text.getvalue()


def listed(files):
    """Return the given files, and the scripts and notebooks in the given folders at any depth, each once.

    Raises InputError for a path that does not exist, and for a folder without scripts or notebooks.
    """
    found = {}
    for file in map(Path, files):
        if not file.exists():
            raise InputError(f"there is no file {str(file)!r} to grade")
        here = list(_held(file)) if file.is_dir() else [file]
        if not here:
            raise InputError(f"there is no script and no notebook in {str(file)!r} to grade")
        found |= {os.path.realpath(one): one for one in here if os.path.realpath(one) not in found}
    return list(found.values())


def left_out(files):
    """Return what is in the given folders, but is neither a script, nor a notebook, nor a folder that holds one."""
    return [_shown(one) for folder in map(Path, files) if folder.is_dir() for one in sorted(folder.iterdir())
            if not _skipped(one) and not any(_held(one))]


def _held(path):
    """Yield the path if it is a script or notebook. If it is a folder, yield those in it at any depth, in order."""
    if path.is_dir():
        for one in sorted(path.iterdir()):
            if not _skipped(one):
                yield from _held(one)
    elif path.suffix.lower() in (".py", ".ipynb"):
        yield path


def _skipped(path):
    """Return True for hidden files, for folders that no student wrote, and for links to folders (perhaps a circle)."""
    return path.name.startswith(".") or path.name in SKIPPED or (path.is_symlink() and path.is_dir())


def _shown(path):
    """Return a file's name as a text that a table can hold, whatever bytes the name has."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(path))


def _read(file, lesson, known):
    """Return (number of the lesson, places of the exercises, reason if there are none) for a file."""
    try:
        places = exercises(file)
    except InputError as error:
        return lesson, {}, str(error)
    number = int(next(iter(places)).split(".")[0]) if places else lesson
    if places and number not in known:
        return lesson, {}, f"there is no lesson {number}"
    return number, places, "" if places else "it contains no exercise of a lesson"


def _lesson(row):
    """Return the sort key of a row: the lesson's number; rows without a lesson come last."""
    number = row["lesson"] if isinstance(row, dict) else row[0]
    return (number is None, number)


def _remarks(row):
    """Yield remarks about a file: why it has no exercise, or the reasons for exercises without points."""
    reasons = {}
    for number, exercise in row["exercises"].items():
        reasons.setdefault(exercise["why"], []).append(number)
    return [row["why"]] if row["why"] else [f"{', '.join(numbers)}: {why}" for why, numbers in reasons.items() if why]
