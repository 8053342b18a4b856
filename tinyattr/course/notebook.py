"""A lesson as a Jupyter notebook, by sphinx-gallery's own converter."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from tinyattr.errors import InputError


def notebook(source, name):
    """The notebook of a script's source, as JSON text. Raises InputError where sphinx-gallery is not installed."""
    try:
        from sphinx_gallery.gen_gallery import DEFAULT_GALLERY_CONF
        from sphinx_gallery.notebook import jupyter_notebook
        from sphinx_gallery.py_source_parser import split_code_and_text_blocks
    except ImportError:
        raise InputError("notebooks are made by sphinx-gallery; install it: python3 -m pip install 'tinyattr[docs]'"
                         ) from None
    with TemporaryDirectory() as room:
        path = Path(room) / name  # the converter reads files
        listed = re.sub(r"^:([A-Z][^:\n]+):", r"- **\1:**", source, flags=re.M)  # Markdown has no field lists
        path.write_text(listed, encoding="utf-8")
        _, blocks = split_code_and_text_blocks(str(path))
        cells = jupyter_notebook(blocks, dict(DEFAULT_GALLERY_CONF), room)
    return json.dumps(cells, indent=1) + "\n"
