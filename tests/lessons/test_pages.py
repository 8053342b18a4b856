"""The site builds without a warning, offline; links lead somewhere; a real browser shows every page and figure."""

import html
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.generated import ROOT
from tests.lessons.solutions import solutions
from tests.test_house import HEART, PACKAGE, ROOMS, files
from tinyattr.course.script import lessons
from tinyattr.course.student import student

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LESSONS = lessons()
LOOK = """<!doctype html><body><pre id="found">waiting</pre><script>
// Opens every page in turn, in a frame as wide as a laptop's window and then a phone's, light and dark, and writes down
// what a reader would miss.
const pages = PAGES, found = new Set();

function colour(text) {  // "rgb(1, 2, 3)" or "rgba(1, 2, 3, 0.4)"
  const [r, g, b, a = 1] = text.match(/[0-9.]+/g).map(Number);
  return {rgb: [r, g, b], a};
}

function over(upper, lower) {  // a colour that is partly transparent, over one that is not
  return upper.rgb.map((value, k) => upper.a * value + (1 - upper.a) * lower[k]);
}

function ground(element, known) {  // what is seen behind an element's text
  if (!element) return [255, 255, 255];
  if (known.has(element)) return known.get(element);
  const own = colour(element.ownerDocument.defaultView.getComputedStyle(element).backgroundColor);
  known.set(element, own.a === 1 ? own.rgb : over(own, ground(element.parentElement, known)));
  return known.get(element);
}

function luminance(rgb) {  // WCAG 2
  const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrasts(page, inside, theme) {
  inside.body.dataset.theme = theme;
  const words = inside.createTreeWalker(inside.body, NodeFilter.SHOW_TEXT), seen = new Map(), known = new Map();
  while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    if (words.currentNode.data.trim() && element.checkVisibility({visibilityProperty: true, opacityProperty: true})
        && !element.closest("svg, script, style, mjx-assistive-mml")) seen.set(element, words.currentNode.data);
  }
  for (const [element, text] of seen) {
    const back = ground(element, known), front = over(colour(inside.defaultView.getComputedStyle(element).color), back);
    const [dark, light] = [luminance(back), luminance(front)].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.add(`${page}: contrast ${ratio.toFixed(2)}, ${theme}: ${element.className || element.tagName}: ${text.trim().slice(0, 30)}`);
  }
}

function widths(page, inside, width) {
  if (inside.documentElement.scrollWidth > width) found.add(`${page}: wider than ${width}`);
  for (const element of inside.querySelectorAll("article *, header *")) {
    const box = element.closest(".table-wrapper") || element.closest("pre, mjx-container");  // these scroll in themselves
    const wide = box && inside.defaultView.getComputedStyle(box).overflowX === "auto" ? box : element;
    if (wide.getBoundingClientRect().right > width + 1 && wide.checkVisibility())
      return found.add(`${page}: ends right of ${width}: ${wide.tagName} ${wide.textContent.trim().slice(0, 40)}`);
  }
}

async function look() {
  const kinds = {};
  for (const page of pages) {
    const frame = document.createElement("iframe");
    frame.width = 1280; frame.height = 800;
    document.body.append(frame);
    await new Promise(done => { frame.onload = done; frame.src = page; });
    const inside = frame.contentDocument, maths = frame.contentWindow.MathJax;
    if (maths) await maths.startup.promise;
    const formulas = inside.querySelectorAll(".math").length;
    if (formulas && inside.querySelectorAll(".math mjx-container svg").length !== formulas) found.add(page + ": a formula is not set");
    for (const error of inside.querySelectorAll("[data-mjx-error]")) found.add(page + ": " + error.dataset.mjxError);
    for (const image of inside.images)
      if (!(image.complete && image.naturalWidth > 0)) found.add(page + ": no picture " + image.src);
    if (!inside.querySelector("h1") && page !== "search.html") found.add(page + ": no heading");
    if (inside.body.innerText.length < 100) found.add(page + ": hardly any text");
    widths(page, inside, 1280);
    contrasts(page, inside, "light");
    contrasts(page, inside, "dark");
    frame.width = 390;
    widths(page, inside, 390);
    frame.remove();
  }
  document.getElementById("found").textContent = "looked at " + pages.length + "\\n" + [...found].join("\\n");
}
look().catch(error => { document.getElementById("found").textContent = error.stack; });
</script>"""


class Page(HTMLParser):
    """Links, sources, anchors and alternative texts of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.anchors, self.images = [], [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.anchors |= {a[key] for key in ("id", "name") if a.get(key)}
        if tag == "a" and a.get("href"):
            self.links.append(a["href"])
        if tag == "img":
            self.images.append(a)
        if tag in ("img", "script") and a.get("src"):
            self.loaded.append(a["src"])
        if tag == "link" and a.get("rel") in ("stylesheet", "icon"):
            self.loaded.append(a["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("sphinx_gallery", reason="the pages need the extra docs")
    pytest.importorskip("myst_parser", reason="the pages need the extra docs")
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run([sys.executable, "-m", "sphinx", "-W", "-q", "-E", "-b", "html", "-d", out / "trees", ROOT / "lessons" / "pages", out / "html"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return out / "html"


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html") if "lite" not in path.relative_to(site).parts}


def test_every_link_leads_somewhere(site, pages):
    """Inside the site: to a file that exists, and to a place in it that exists. Nothing is loaded from elsewhere."""
    for path, page in pages.items():
        assert not [link for link in page.loaded if urlsplit(link).scheme not in ("", "data")], path.name
        for link in page.links + page.loaded:
            if urlsplit(link).scheme or (link.startswith("#") and len(link) == 1):
                continue
            where, anchor = urldefrag(link)
            target = (path.parent / unquote(where.split("?")[0])).resolve() if where else path
            assert target.is_file(), f"{path.name} links to {link}"
            if anchor and target in pages:
                assert unquote(anchor) in pages[target].anchors, f"{path.name} links to {link}"


def test_every_lesson_is_a_page_with_its_figures(site, pages):
    for lesson in LESSONS:
        path = site / "lessons" / f"{lesson.path.stem}.html"
        text = path.read_text(encoding="utf-8")
        shown = [image for image in pages[path].images if lesson.path.stem in image["src"]]
        assert len(shown) == len(lesson.fields["Figures"].split(", "))
        assert all(len(image["alt"]) > 20 for image in shown), "every figure says in words what it is"
        assert text.count("<summary>solution</summary>") == len(lesson.exercises)
        assert text.count("SOLUTION") == 0
        assert "sphx-glr-script-out" in text, "what it prints stands on the page"
        assert f"{lesson.path.stem}.ipynb" in text


def test_downloads_are_students_copies(site):
    downloads = {path.name: path for path in (site / "_downloads").rglob("[0-9][0-9]_*")}
    assert sorted(downloads) == sorted(f"{lesson.path.stem}{ending}" for lesson in LESSONS for ending in (".py", ".ipynb", ".zip"))
    for lesson in LESSONS:
        copy = student(lesson.path.read_text(encoding="utf-8"))
        assert downloads[lesson.path.name].read_text(encoding="utf-8") == copy
        book = downloads[f"{lesson.path.stem}.ipynb"].read_text(encoding="utf-8")
        assert "SOLUTION" not in book and book.count("is yours to solve") == len(lesson.exercises)
        with zipfile.ZipFile(downloads[f"{lesson.path.stem}.zip"]) as both:
            assert {name: both.read(name).decode() for name in both.namelist()} == {lesson.path.name: copy, f"{lesson.path.stem}.ipynb": book}


def test_jupyterlite_opens_students_copies(site, pages):
    pytest.importorskip("jupyterlite_sphinx", reason="buttons to JupyterLite need the extra lite")
    for lesson in LESSONS:
        [button] = [link for link in pages[site / "lessons" / f"{lesson.path.stem}.html"].links if "/lite/" in link]
        assert button.endswith(f"lab/index.html?path=lessons/{lesson.path.stem}.ipynb")
        book = (site / "lite" / "files" / "lessons" / f"{lesson.path.stem}.ipynb").read_text(encoding="utf-8")
        assert "%pip install -q tinyattr" in book and "SOLUTION" not in book and "is yours to solve" in book
    assert list((site / "lite" / "pypi").glob("tinyattr-*.whl"))


def test_students_pages_have_no_solutions(tmp_path):
    """Built without running the lessons: what stands on the pages is looked at, and every file that comes with them."""
    pytest.importorskip("sphinx_gallery", reason="the pages need the extra docs")
    pytest.importorskip("myst_parser", reason="the pages need the extra docs")
    done = subprocess.run([sys.executable, "-m", "sphinx", "-t", "students", "-D", "plot_gallery=0", "-q", "-E", "-d", tmp_path / "trees",
                           ROOT / "lessons" / "pages", tmp_path / "html"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "undefined label" not in done.stderr and "unknown document" not in done.stderr and "cross-reference" not in done.stderr
    assert not (tmp_path / "html" / "teaching.html").exists()
    for path in tmp_path.joinpath("html").rglob("*"):
        if path.suffix in (".html", ".txt", ".py", ".ipynb"):
            text = re.sub("<[^>]+>", "", path.read_text(encoding="utf-8"))
            assert "SOLUTION" not in text or path.stem in ("api", "contributing"), path
            for lesson in LESSONS:
                for block in solutions(lesson.path.read_text(encoding="utf-8")) if lesson.path.stem in path.stem else ():
                    assert html.escape(block.strip(), quote=False) not in text.replace("&quot;", '"').replace("&#39;", "'"), (path, block)


def test_methods_equations_and_code_are_there(site):
    for name, words in (("methods", "layer_integrated_gradients"), ("equations", "(V7)"), ("which_map", "two glyphs"), ("weights", "safetensors"), ("api", "dS/dz = row * exp(log_scale)"),
                        ("teaching", "Teacher"), ("index", "A first script")):
        assert words in (site / f"{name}.html").read_text(encoding="utf-8"), name


def test_the_code_stands_room_by_room_the_heart_first(site):
    text = (site / "api.html").read_text(encoding="utf-8")
    rooms = [*HEART, *(room for room in ROOMS if room not in HEART)]  # as the README's tree has them
    modules = [path.relative_to(PACKAGE.parent).with_suffix("") for room in rooms for path in files(room) if path.stem not in ("__init__", "__main__")]
    places = [text.find(f'id="{"-".join(module.parts).replace("_", "-")}"') for module in modules]
    assert -1 not in places, modules[places.index(-1)]
    assert places == sorted(places)


@pytest.mark.parametrize(("text", "wanted"), [
    ("y_c = e^{z_c} / Σ_j e^{z_j}", ["y_{c}", r"= e^{z_{c}} / \sum _{j} e^{z_{j}}"]),
    ("dy_i/dz_j = y_i (δ_ij - y_j)", [r"\mathrm{d}y_{i}/\mathrm{d}z_{j}", r"= y_{i}\,(\delta _{ij} - y_{j})"]),
    ("t = K Σ_k A_00k", ["t", r"= K\,\sum _{k} A_{00k}"]),
    ("(x - b)_ijk int_0^1 dS/dx_ijk da", [r"(x - b)_{ijk}\,\int _{0}^{1} \mathrm{d}S/\mathrm{d}x_{ijk}\,\mathrm{d}a"]),
    ("y_c - y_c²", ["y_{c} - y_{c}^2"]),
    ("z_c - mean z", [r"z_{c} - \operatorname{mean} z"]),
    *[(code, []) for code in ("log_odds", "block5_pool", "sum_is_1", "np.exp(1000)", "six_products", "t_layers", "g[n,i,j,k]", "--mean", "log", "walk_in",
                              "x = (photo - 127) / 64", "z'_", "ta.load(path, size=224)")],
])
def test_formulas_are_told_from_code(text, wanted):
    pytest.importorskip("sphinx", reason="the pages need the extra docs")
    spec = spec_from_file_location("formulas", ROOT / "lessons" / "pages" / "formulas.py")
    formulas = module_from_spec(spec)
    spec.loader.exec_module(formulas)
    assert [node.astext() for node in formulas.formula(text) if node.tagname == "math"] == wanted


def test_a_real_browser_shows_them(site, pages):
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("no Chromium here to open the pages in")
    names = sorted(str(path.relative_to(site)) for path in pages)
    (site / "look.html").write_text(LOOK.replace("PAGES", repr(names)), encoding="utf-8")
    wrong = []

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

        def log_error(self, form, *words):
            wrong.append((self.path, form % words))

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        seen = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=120000", "--dump-dom",
                               f"http://127.0.0.1:{server.server_port}/look.html"], capture_output=True, text=True, timeout=240, check=True)
    finally:
        server.shutdown()
        server.server_close()
        Path(site / "look.html").unlink()
    assert f"looked at {len(names)}\n</pre>" in seen.stdout, seen.stdout[:2000]
    assert [w for w in wrong if "favicon" not in w[0]] == []
