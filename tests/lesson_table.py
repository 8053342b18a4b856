"""The README's table of lessons, from their headers. `python -m tests.lesson_table` writes it."""

from tests.generated import ROOT, with_part, write
from tinyattr.course.script import lessons

START, END = "<!-- lessons: python -m tests.lesson_table -->", "<!-- end of lessons -->"


def table():
    """The table as Markdown: title, question, class time, processor time, exercises."""
    lines = ["| lesson | question | time | CPU | exercises |", "|---|---|---|---|---|"]
    for lesson in lessons():
        title = f"[{lesson.number}. {lesson.title}](lessons/{lesson.path.name})"
        kinds = ", ".join(kind for _, kind, _ in lesson.exercises)
        time = lesson.fields["Time"].split(" (")[0]
        lines.append(f"| {title} | {lesson.question} | {time} | {lesson.fields['CPU']} | {kinds} |")
    return "\n".join(lines)


def with_table(readme):
    """The README's text with the table in its place."""
    return with_part(readme, START, END, table())


if __name__ == "__main__":
    write(ROOT / "README.md", with_table)
