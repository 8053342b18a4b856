"""The site: README, lessons with their figures and printed output, methods, equations, and the code's own docstrings.

    python3 -m pip install ".[docs]" && python3 -m sphinx -W lessons/pages site

With `-t students` behind `sphinx` it has no solutions, and nothing of the teacher's guide. Downloads are students' copies
in any case. With the extra "lite" too, each lesson has a button that opens its student's copy in JupyterLite.
"""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import files
from importlib.util import find_spec
from pathlib import Path

import matplotlib
from PIL import Image
from sphinx_gallery.scrapers import figure_rst

import tinyattr
from tinyattr.course.notebook import notebook
from tinyattr.course.script import lessons, parsed
from tinyattr.course.student import BEGIN, END, student

PAGES = Path(__file__).resolve().parent
sys.path.insert(0, str(PAGES))
from formulas import Formulas

MATHJAX = next(Path(file.locate()) for file in files("sphinx-mathjax-offline") if file.name == "tex-svg.js")
README = PAGES.parents[1] / "README.md"
CONTENTS = """
```{toctree}
:hidden:
:maxdepth: 2

lessons/index
glossary
course
teaching
methods
attacks
which_map
sanity
claims
weights
browser
softmax
museum
kernels
equations
contributing
changes
api
```
"""
SCRIPTS = PAGES / "scripts"  # copies: sphinx-gallery runs a script in its own folder, where its figures would stay

FOR_STUDENTS = tags.has("students")  # noqa: F821 (Sphinx gives it)
if FOR_STUDENTS:
    CONTENTS = CONTENTS.replace("teaching\n", "")

project = "tinyattr"
author = "the tinyattr authors"
version = release = tinyattr.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx_gallery.gen_gallery"]
LITE = PAGES / "lite"  # what JupyterLite is made of: this project's wheel, and the notebooks
if find_spec("jupyterlite_sphinx"):
    extensions.append("jupyterlite_sphinx")
    jupyterlite_dir, jupyterlite_silence = str(LITE), True
suppress_warnings = ["config.cache"]  # the scraper below is a function, which Sphinx cannot keep between builds
exclude_patterns = ["scripts", "lite", "_contents", "lessons/*.ipynb", "lessons/*.py", *(["teaching.md"] if FOR_STUDENTS else [])]
html_copy_source = False  # it would hold the solutions
html_theme = "furo"
html_title = "tinyattr"
html_theme_options = {"navigation_with_keys": True}
mathjax_path = MATHJAX.name  # one file, fonts and all: no page loads anything from elsewhere
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False
html_show_copyright = False
toc_object_entries = False  # the contents of the code's page are its modules
html_use_index = html_domain_indices = False  # the page of the code and the search lead there
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
matplotlib.use("agg")


def figures(_, block_vars, gallery_conf):
    """A scraper for sphinx-gallery: the image files that a cell has written, with the words that stand in them."""
    rows = []
    for path in sorted(SCRIPTS.glob("*.png"), key=lambda p: p.stat().st_mtime_ns):
        with Image.open(path) as image:
            words = image.info.get("Description", path.stem)
        place = block_vars["image_path_iterator"].next()
        shutil.move(path, place)
        rows.append(figure_rst([place], gallery_conf["src_dir"], fig_titles=words))
    return "\n".join(rows)


def for_the_browser(book, filename):
    """What JupyterLite opens: the student's copy of a lesson, behind a cell that installs this project's wheel."""
    path = PAGES.parent / f"{Path(filename).stem}.py"
    if path in {lesson.path for lesson in lessons()}:
        book.update(json.loads(notebook(parsed(student(path.read_text(encoding="utf-8")), path))))
    install = {"cell_type": "code", "id": "install", "metadata": {}, "outputs": [], "execution_count": None,
               "source": "%pip install -q tinyattr hypothesis"}
    book["cells"].insert(0, install)
    for other in Path(filename).parent.iterdir():  # the gallery's own files hold the solutions
        if other.suffix != ".ipynb":
            shutil.rmtree(other) if other.is_dir() else other.unlink()


def lessons_at_the_top(app, config):
    """JupyterLite's folders: lessons/, where the buttons look for it, and not contents/lessons/."""
    if "jupyterlite_sphinx" in app.extensions:
        config.jupyterlite_contents = [str(LITE / "contents" / "*")]


def wheel_for_the_browser(app):
    """This project as JupyterLite's pip finds it."""
    if "jupyterlite_sphinx" in app.extensions:
        shutil.rmtree(LITE, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", LITE / "pypi", README.parent], check=True)


def without_foreign_fonts(app, pagename, templatename, context, doctree):
    """JupyterLite's extension asks for a font of Google's on every page, for a button that we do not show. We leave it out."""
    context["css_files"] = [file for file in context["css_files"] if not str(getattr(file, "filename", file)).startswith("https:")]


sphinx_gallery_conf = {
    "jupyterlite": {"jupyterlite_contents": "lite/contents", "notebook_modification_function": for_the_browser},
    "examples_dirs": str(SCRIPTS),
    "gallery_dirs": "lessons",
    "filename_pattern": r"/\d\d_",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": (figures,),
    "capture_repr": (),
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1e9,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
}


def as_written(app, what, name, thing, options, lines):
    """Docstrings as they stand in the code: formulas line by line, bars and stars with their plain meaning."""
    lines[:] = [".. code-block:: none", "", *(f"   {line}" for line in lines), ""]


def fold_solutions(app, error):
    """Solutions are there, but have to be opened; students' pages have none."""
    if error is not None or app.builder.format != "html":
        return
    mark = '<span class="c1">{}</span>'.format
    fold = re.compile(rf'[ ]*{re.escape(mark(BEGIN))}(?:<span class="w">)?\n(?:</span>)?(.*?)[ ]*{re.escape(mark(END))}',
                      re.S)
    for path in (Path(app.outdir) / "lessons").glob("[0-9][0-9]_*.html"):
        text = path.read_text(encoding="utf-8")
        instead = "    # your lines\n" if FOR_STUDENTS else r"<details><summary>solution</summary>\1</details>"
        path.write_text(fold.sub(instead, text), encoding="utf-8")


def students_downloads(app, error):
    """Whoever downloads a lesson from its page gets a student's copy: script, notebook, or both in a .zip."""
    copies = {}
    for lesson in lessons():
        copy = student(lesson.path.read_text(encoding="utf-8"))
        copies |= {lesson.path.name: copy, f"{lesson.path.stem}.ipynb": notebook(parsed(copy, lesson.path))}
    for path in (Path(app.outdir) / "_downloads").glob("*/[0-9][0-9]_*"):
        if path.suffix != ".zip":
            path.write_text(copies[path.name], encoding="utf-8")
            continue
        with zipfile.ZipFile(path, "w") as both:
            for name in (f"{path.stem}.py", f"{path.stem}.ipynb"):
                both.writestr(name, copies[name])


def pages_from_elsewhere():
    """The README, the teacher's guide, the museum and CONTRIBUTING.md as pages of the site."""
    index = README.read_text(encoding="utf-8")
    if FOR_STUDENTS:
        index = re.sub(r"\[([^]]+)\]\(lessons/README\.md\)", r"\1", index)
    (PAGES / "index.md").write_text(f"{index}{CONTENTS}", encoding="utf-8")
    shutil.copy(PAGES.parent / "README.md", PAGES / "teaching.md")
    shutil.copy(PAGES.parent / "MUSEUM.md", PAGES / "museum.md")
    shutil.copy(PAGES.parent / "GLOSSARY.md", PAGES / "glossary.md")
    shutil.copy(README.parent / ".github" / "CONTRIBUTING.md", PAGES / "contributing.md")


def links_inside(app, name, source):
    """Links between files of the repository lead to the pages that are made of them."""
    text = re.sub(r"\]\((?:\.\./|lessons/)?(\d\d_\w+)\.py\)", r"](lessons/\1.rst)", source[0])
    for path, page in (("lessons/pages/", ""), ("../../.github/CONTRIBUTING", "contributing"), (".github/CONTRIBUTING", "contributing"),
                       ("lessons/MUSEUM", "museum"), ("lessons/GLOSSARY", "glossary"), ("../MUSEUM", "museum"), ("../GLOSSARY", "glossary"),
                       ("GLOSSARY", "glossary"), ("lessons/README", "teaching"), ("pages/", "")):
        text = text.replace(f"]({path}", f"]({page}")
    source[0] = text


def page_of_the_code():
    """Every module with its docstrings: room by room, as in the README's tree, so the heart comes first."""
    package = Path(tinyattr.__file__).parent
    parts = ["The code\n========\n\nThe rooms in the order of the README's tree, the heart first, with the docstrings as they "
             "stand in the code."]
    tree = re.search(r"^tinyattr/\n(.*?)^```", README.read_text(encoding="utf-8"), re.S | re.M)[1]
    for room, about in re.findall(r"^  ([a-z]\w+)\S* +(.+)$", tree, re.M):
        modules = sorted((package / room).rglob("*.py")) or [package / f"{room}.py"]
        parts.append(f"{room}\n{'-' * len(room)}\n\n{about[0].upper()}{about[1:]}.".replace("`", "``"))
        for path in modules:
            name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
            name, members = (name[:-9], "") if path.stem == "__init__" else (name, "\n   :members:")
            parts.append(f"{name}\n{'~' * len(name)}\n\n.. automodule:: {name}{members}")
    (PAGES / "api.rst").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def mathematics(app):
    """Put MathJax, which its package ships, among the site's own files."""
    static = Path(app.outdir, "_static")
    static.mkdir(parents=True, exist_ok=True)
    shutil.copy(MATHJAX, static)


def setup(app):
    """Copy the lessons to where sphinx-gallery may run them, write the other pages, and hook in."""
    pages_from_elsewhere()
    page_of_the_code()
    shutil.rmtree(SCRIPTS, ignore_errors=True)
    SCRIPTS.mkdir()
    for lesson in lessons():
        shutil.copy(lesson.path, SCRIPTS)
    (SCRIPTS / "GALLERY_HEADER.rst").write_text(
        "Lessons\n=======\n\nEach is a script, a page, and a notebook (at the foot of its page).\n", encoding="utf-8")
    app.add_transform(Formulas)
    app.connect("builder-inited", mathematics)
    app.connect("config-inited", lessons_at_the_top, priority=1000)
    app.connect("builder-inited", wheel_for_the_browser)
    app.connect("autodoc-process-docstring", as_written)
    app.connect("source-read", links_inside)
    app.connect("html-page-context", without_foreign_fonts, priority=1000)
    app.connect("build-finished", fold_solutions)
    app.connect("build-finished", students_downloads)
