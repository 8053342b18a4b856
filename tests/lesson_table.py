"""The minutes in the lessons' headers, and the table of lessons in lessons/pages/course.md. `python -m tests.lesson_table` writes both."""

import re

from tests.generated import PAGES, with_part, write
from tinyattr.course.pace import time
from tinyattr.course.script import lessons

START, END = "<!-- lessons: python -m tests.lesson_table -->", "<!-- end of lessons -->"


def table():
    """The table as Markdown: title, question, class time, processor time, exercises."""
    lines = ["| lesson | question | time | CPU | exercises |", "|---|---|---|---|---|"]
    for lesson in lessons():
        title = f"[{lesson.number}. {lesson.title}](../{lesson.path.name})"
        kinds = ", ".join(kind for _, kind, _ in lesson.exercises)
        spent = lesson.fields["Time"].split(" (")[0]
        lines.append(f"| {title} | {lesson.question} | {spent} | {lesson.fields['CPU']} | {kinds} |")
    return "\n".join(lines)


def with_table(page):
    """The page's text with the table in its place."""
    return with_part(page, START, END, table())


def with_time(source, lesson):
    """A lesson's source with its minutes as computed."""
    return re.sub(r"^:Time: .*$", f":Time: {time(lesson)}", source, count=1, flags=re.M)


if __name__ == "__main__":
    for lesson in lessons():
        write(lesson.path, lambda source, lesson=lesson: with_time(source, lesson))
    write(PAGES / "course.md", with_table)
