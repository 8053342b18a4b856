"""A lesson as a Jupyter notebook, by sphinx-gallery's own converter."""

import json

from tinyattr.errors import InputError


def notebook(path):
    """The notebook of the script at `path`, as JSON text. Raises InputError where sphinx-gallery is not installed."""
    try:
        from sphinx_gallery import gen_gallery
        from sphinx_gallery.notebook import jupyter_notebook
        from sphinx_gallery.py_source_parser import split_code_and_text_blocks
    except ImportError:
        raise InputError("notebooks are made by sphinx-gallery; install it: python3 -m pip install 'tinyattr[docs]'"
                         ) from None
    _, blocks = split_code_and_text_blocks(str(path))
    cells = jupyter_notebook(blocks, dict(gen_gallery.DEFAULT_GALLERY_CONF), str(path.parent))
    return json.dumps(cells, indent=1) + "\n"
