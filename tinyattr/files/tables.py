"""Write numbers: as aligned columns for people, as JSON for programs."""

import json
from dataclasses import is_dataclass

import numpy as np

from tinyattr.files.atomic import write_text


def aligned(columns, rows):
    """Return a table as text: column titles, a line, and rows of values, all aligned.

    columns: titles, such as "method". For numbers, a format follows after ":", as in an f-string: "hits:.3f". Words are
    aligned left, numbers right. None and NaN become "-".
    """
    titles, _, formats = zip(*(column.partition(":") for column in columns), strict=True)
    lines = [titles, *([_shown(*cell) for cell in zip(row, formats, strict=True)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    layout = "  ".join(f"{{:{'>' if f else '<'}{w}}}" for f, w in zip(formats, widths, strict=True))
    titles, *rest = (layout.format(*line).rstrip() for line in lines)
    return "\n".join([titles, "-" * len(titles), *rest])


def _shown(value, form):
    if value is None or value != value:  # NaN is the only number that differs from itself
        return "-"
    return "0" if value == 0 and form.endswith("e") else format(value, form)


def plain(value):
    """Return `value` in a form for JSON: dataclasses as dicts, arrays and tuples as lists, NaN and infinity as None."""
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {str(key): plain(v) for key, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def write_json(path, numbers):
    """Write `plain(numbers)` as a JSON file. The file appears complete or not at all."""
    write_text(path, json.dumps(plain(numbers), indent=1, allow_nan=False) + "\n")
