"""Check whether the numbers of a weight file are those that were published, or those that tinyattr wrote into it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyattr.errors import InputError
from tinyattr.files.fetch import claimed, located
from tinyattr.files.recognise import recognised
from tinyattr.files.registry import REGISTRY
from tinyattr.files.show import architecture, training
from tinyattr.softmax import softmax

BLACK_TOLERANCE = 1e-3  # relative, because the published figures are float32 results of another program
PHOTO_TOLERANCE = 2e-3  # of a probability, for the same reason


@dataclass(frozen=True)
class Check:
    """A Check has a name, a result (None if nothing can be compared), and a description of what was found."""

    what: str
    right: bool | None
    found: str

    @property
    def outcome(self):
        """The result as text: ok, FAILED or -."""
        return {True: "ok", False: "FAILED", None: "-"}[self.right]

    def __str__(self):
        return f"{self.what:<9} {self.outcome:<7} {self.found}"


def verify(path, photos=(), **said):
    """Return [Check] of a weight file: file, network, arrays, family, published numbers, a black picture, photos.

    photos: pictures to classify. For photos of the papers' authors (such as beagle.jpg) the results are compared, too.
    said: family, input, size, classes: see `load`.
    Raises InputError for a file that cannot be read at all.
    """
    path = located(path)
    with recognised(path, **said) as found:
        checks = [check_file(path), Check("network", True, architecture(found)), check_arrays(found),
                  check_numbers(found), check_family(found)]
        if any(check.right is False for check in checks) or found.family is None:
            why = "not classified: the network is damaged, or we do not know how to preprocess photos"
            return checks + [Check("photo", None, f"{Path(photo).name}: {why}") for photo in photos]
        net = found.network()
    published = found.published or _expected(found)
    if published and published.black:
        checks.append(check_black(net, published.black))
    return checks + [check_photo(net, photo, published.photos if published else {}) for photo in photos]


def passed(checks):
    """Return True if at least one thing could be compared, and nothing differed."""
    compared = any(check.right for check in checks if check.what not in ("network", "family"))
    return compared and all(check.right is not False for check in checks)


def check_file(path):
    """Compare the sha256 of the whole file with the published files."""
    found, published, is_it = claimed(path)
    if published is None:
        return Check("file", None, f"sha256 {found}: none of the published files")
    if is_it:
        return Check("file", True, f"sha256 {found}: the published file of {published.title}")
    return Check("file", False, f"sha256 {found}: it has the name or size of the published file of {published.title}, "
                                f"but not its check sum {published.sha256 or published.md5}")


def check_arrays(found):
    """Check that every array can be read and is plausible. In our own files, also check its sha256."""
    damaged = []
    for layer in found.architecture.names:
        try:
            found.read(layer)
        except InputError as error:
            damaged.append(str(error))
    count = sum(map(len, found.file.shapes.values()))
    if damaged:
        return Check("arrays", False, "; ".join(damaged))
    if found.description.sha256 is not None:
        return Check("arrays", True, f"all {count} have the sha256 that was written with them")
    return Check("arrays", None, f"all {count} can be read and are finite; the file has no sha256 of them")


def check_numbers(found):
    """Check the arrays whose numbers were published."""
    if found.published is None:
        return Check("numbers", None, "they are not those of a published network that we know")
    same = [where for where, is_same in found.compared.items() if is_same]
    other = [where for where, is_same in found.compared.items() if not is_same]
    of = f"of {found.published.title}"
    if other:
        return Check("numbers", False, f"{', '.join(other)} differ from those {of}; {len(same)} other arrays match")
    which = ", ".join(same) if len(same) < 6 else f"all {len(same)} arrays"
    return Check("numbers", True, f"{which} match those {of}")


def check_family(found):
    """Check who trained the network: compare what the file says with what its numbers show."""
    if found.published and found.published.family != found.family:
        return Check("family", False, f"{training(found)}, but its numbers are those of {found.published.title}")
    return Check("family", True if found.family else None, training(found))


def _expected(found):
    """Return the published network that a file, not our own, should hold by its architecture and family, or None."""
    if found.description.sha256 is not None or found.architecture.classes != 1000:
        return None
    claims = (found.architecture.name, found.family)
    return next((published for published in REGISTRY.values()
                 if (published.architecture, published.family) == claims), None)


def check_black(net, expected):
    """Classify a black picture. expected: its smallest y_c, its largest y_c, and the mean of (y_c - 1/n)^2."""
    y = softmax(net(net.input.encode(np.zeros((*net.input.shape[:2], 3)))))[0]
    found = (y.min(), y.max(), ((y - 1 / len(y)) ** 2).mean())
    figures = ", ".join(f"{what} {a:.6g} (published: {b:.6g})" for what, a, b in zip(
        ("smallest probability", "largest", "mean square of y_c - 1/n"), found, expected, strict=True))
    return Check("black", bool(np.allclose(found, expected, rtol=BLACK_TOLERANCE, atol=0)), figures)


def check_photo(net, photo, published):
    """Classify a photo. published: {name of a photo, without ending: (class, probability)}, to compare with."""
    y = softmax(net(net.read(photo)))[0]
    top = np.argsort(-y)[:3]
    found = f"{Path(photo).name}: " + ", ".join(f"{net.label(c)} {y[c]:.4f}" for c in top)
    if Path(photo).stem not in published:
        return Check("photo", None, found)
    c, *p = published[Path(photo).stem]  # not every publisher printed the probability
    right = top[0] == c and np.allclose(y[c], p, rtol=0, atol=PHOTO_TOLERANCE)
    return Check("photo", bool(right), f"{found} (published: {' '.join([net.label(c), *(f'{q:.4f}' for q in p)])})")
