"""Files that commands write: we check them before long work and write them after it."""

from pathlib import Path

from tinyattr.errors import InputError
from tinyattr.files.atomic import all_different, writable
from tinyattr.files.tables import write_json

READ, WRITTEN = ("image", "net", "file"), ("figure", "out", "checkpoint", "json", "csv")  # options that name files
LEAST = {"pictures": 1, "steps": 1, "jobs": 1, "seed": 0}  # options that are numbers: the smallest useful value


def check(options):
    """Raise InputError for numbers that are too small, outputs that cannot be written, and files that are named twice.

    If the command has an option --overwrite, and the user did not give it, an output that exists is an error too.
    `main` calls this function before every command. A command that itself chooses names of outputs calls it again.
    """
    given = {name: value for name, value in vars(options).items() if value is not None}
    for name, value in given.items():
        if value == "" and name != "text":
            raise InputError(f"{name} is given, but empty; leave it out, or give a value")
    for name, least in LEAST.items():
        if given.get(name, least) < least:
            raise InputError(f"--{name} must be at least {least}; got {given[name]}")
    for name in WRITTEN:
        if name in given:
            writable(given[name])
            if given.get("overwrite") is False and name != "checkpoint" and Path(given[name]).exists():
                raise InputError(f"{given[name]!r} exists already, and is kept; give another name, or --overwrite")
    if "figure" in given:
        from tinyattr.studies.draw import drawable
        drawable(given["figure"])
    all_different(*(given.get(name) for name in (*READ, *WRITTEN)))


def tell(options, text, numbers=None, figure=None):
    """Write the figure and the numbers into the files that the options name; print the text and where the files are."""
    files = written(options, numbers, figure)
    print("\n".join([text, "", *files] if files else [text]))


def written(options, numbers=None, figure=None):
    """Write the figure and the numbers into the files that the options name. Returns lines that say where they are.

    figure: a function that takes the module `draw` and returns a figure. `draw` is loaded only if the figure is wanted.
    """
    files = []
    if figure is not None and options.figure is not None:
        from tinyattr.studies import draw
        draw.save_figure(figure(draw), options.figure)
        files.append(f"figure   {options.figure}")
    if numbers is not None and options.json is not None:
        write_json(options.json, numbers)
        files.append(f"numbers  {options.json}")
    return files
