"""The README's table of lessons, from their headers. `python -m tests.lesson_table` writes it."""

from pathlib import Path

from tinyattr.lesson.script import lessons

ROOT = Path(__file__).parents[1]
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
    before, rest = readme.split(START)
    return f"{before}{START}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
