"""What a weight file holds, and whether its numbers are those that were published or written."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.atomic import digest
from tinyattr.files.fetch import FETCHABLE, cached, published
from tinyattr.files.load import file_of, holding, network_of
from tinyattr.files.registry import KNOWN
from tinyattr.files.tables import aligned
from tinyattr.softmax import softmax

BLACK_TOLERANCE = 1e-3  # relative: the figures come from another program's float32
PHOTO_TOLERANCE = 2e-3  # of a probability, likewise
OK, FAILED, OPEN = "ok", "FAILED", "-"  # outcomes of a check; OPEN: there is nothing to compare with


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, what came out, and what was found."""

    what: str
    outcome: str
    found: str

    def __str__(self):
        return f"{self.what:<9} {self.outcome:<7} {self.found}"


def show(path, family=None):
    """Text: layout, network, family, preparation of photos, source, sha256, and every layer. Raises InputError."""
    path = file_of(path)
    with holding(path, family) as held:
        names, shapes = held.facts["names"], held.stored.shapes
        numbers = sum(np.prod(shape, dtype=int) for pair in shapes.values() for shape in pair)
        lines = [
            f"file     {path}, {path.stat().st_size:,} bytes",
            f"sha256   {digest(path)}",
            f"layout   {held.stored.layout}",
            f"network  {_architecture(held)}, {2 * len(names)} arrays, {numbers:,} numbers",
            f"family   {_whose(held)}",
            f"photos   {_preparation(held.input)}",
        ]
        if held.own:
            lines.append(f"source   {held.own['source']}")
        rows = [(ours, *(" x ".join(map(str, shape)) for shape in shapes[theirs]), theirs)
                for ours, theirs in names.items()]
        lines += ["", aligned(["layer", "kernel", "bias", "in the file"], rows)]
    return "\n".join(lines)


def verify(path, photos=(), family=None):
    """[Check] of a weight file: file, network, arrays, family, published numbers, a black picture, photos.

    photos: pictures to classify; those of the papers' authors are known by their names (beagle.jpg) and compared.
    Raises InputError for a file that cannot be read at all.
    """
    path = file_of(path)
    with holding(path, family) as held:
        checks = [_file(path), Check("network", OK, _architecture(held)), _arrays(held), _published(held),
                  _family(held)]
        if any(check.outcome == FAILED for check in checks) or held.input is None:
            why = "not classified: answers of a damaged network, or to a photo preprocessed anyhow, say nothing"
            return checks + [Check("photo", OPEN, f"{Path(photo).name}: {why}") for photo in photos]
        net = network_of(held)
    known = held.known or _expected(held)
    if known and known.black:
        checks.append(check_black(net, known.black))
    return checks + [check_photo(net, photo, known) for photo in photos]


def passed(checks):
    """Whether something could be compared, and nothing differed."""
    numbers = [check.outcome for check in checks if check.what not in ("network", "family")]
    return OK in numbers and all(check.outcome != FAILED for check in checks)


def known_networks():
    """Text: the published networks that `fetch` knows, their sizes and licences, and where they lie."""
    lines = ["glyphs    in the package: the embedded network, trained on pictures of its own"]
    for name, known in FETCHABLE.items():
        path = cached(known)
        size = f"{known.bytes / 1e6:,.1f} MB" if known.bytes else "about as large"
        lines.append(f"{name}\n  {known.title}; {size}\n  {known.licence}\n  "
                     + (f"fetched: {path}" if path.is_file() else f"not fetched; its place: {path}"))
    return "\n".join(lines)


def _file(path):
    """The whole file against those that were published."""
    found, known = published(path)
    if known is None:
        return Check("file", OPEN, f"sha256 {found}: none of the published files")
    if found == known.sha256:
        return Check("file", OK, f"sha256 {found}: the published file of {known.title}")
    return Check("file", FAILED, f"sha256 {found}: has the name or the size of the published file of {known.title}, "
                                 f"but not its sha256 {known.sha256}")


def _arrays(held):
    """Every array: readable, plausible, and what a file of our own says was written."""
    damaged = []
    for layer in held.facts["names"]:
        try:
            held.read(layer)
        except InputError as error:
            damaged.append(str(error))
    count = 2 * len(held.facts["names"])
    if damaged:
        return Check("arrays", FAILED, "; ".join(damaged))
    if held.own:
        return Check("arrays", OK, f"all {count} have the sha256 that was written with them")
    return Check("arrays", OPEN, f"all {count} can be read and are finite; the file has no sha256 of them")


def _published(held):
    """The arrays of which numbers were published."""
    if held.known is None:
        return Check("numbers", OPEN, "those of no published network that is known here")
    same = [where for where, is_same in held.compared.items() if is_same]
    other = [where for where, is_same in held.compared.items() if not is_same]
    of = f"of {held.known.title}"
    if other:
        return Check("numbers", FAILED, f"{', '.join(other)} differ from those {of}; {len(same)} other arrays match")
    which = ", ".join(same) if len(same) < 6 else f"all {len(same)} arrays"
    return Check("numbers", OK, f"{which} match those {of}")


def _expected(held):
    """The published network that a foreign ImageNet file of a given family claims to be."""
    if held.own or held.facts["classes"] != 1000:
        return None
    claimed = (held.facts["name"], held.family)
    return next((known for known in KNOWN.values() if (known.architecture, known.family) == claimed), None)


def check_black(net, expected):
    """A black picture: smallest and largest probability, and mean of (y_c - 1/n)^2, against published figures."""
    y = softmax(net(net.input.encode(np.zeros((net.input.size, net.input.size, 3)))))[0]
    found = (y.min(), y.max(), ((y - 1 / len(y)) ** 2).mean())
    same = np.allclose(found, expected, rtol=BLACK_TOLERANCE, atol=0)
    figures = ", ".join(f"{what} {a:.6g} (published: {b:.6g})" for what, a, b in zip(
        ("smallest probability", "largest", "mean square of y_c - 1/n"), found, expected, strict=True))
    return Check("black", OK if same else FAILED, figures)


def check_photo(net, photo, known):
    """Top classes of a photo, against published figures if it is one of the authors' and they are known."""
    y = softmax(net(net.read(photo)))[0]
    top = np.argsort(-y)[:3]
    found = ", ".join(f"{net.label(c)} {y[c]:.4f}" for c in top)
    expected = known and known.photos.get(Path(photo).stem)
    if not expected:
        return Check("photo", OPEN, f"{Path(photo).name}: {found}")
    c, p = expected
    same = top[0] == c and (p is None or abs(y[c] - p) <= PHOTO_TOLERANCE)
    published = net.label(c) + ("" if p is None else f" {p:.4f}")
    return Check("photo", OK if same else FAILED, f"{Path(photo).name}: {found} (published: {published})")


def _architecture(held):
    name = held.facts["name"]
    return f"{name}, which is not VGG19" if name.startswith("VGG") and name != "VGG19" else name


def _family(held):
    """Whose training it is: what the file says against what its numbers say."""
    if held.known and held.known.family != held.family:
        return Check("family", FAILED, f"{_whose(held)}, but its numbers are those of {held.known.title}")
    return Check("family", OK if held.family else OPEN, _whose(held))


def _whose(held):
    if held.family is None:
        return f"unknown; say whose training it is with --family {' or '.join(held.facts['families'])}"
    if held.own.get("input"):
        return f"{held.family}, as the file says"
    return f"{held.family}, known by its numbers: {held.known.title}" if held.known else f"{held.family}, as given"


def _preparation(spec):
    if spec is None:
        return "unknown"
    return f"{spec.size} x {spec.size}, {spec.order}, minus {spec.mean}, divided by {spec.scale}, {spec.resize}"
