"""Describe a weight file, and list the published networks, as text."""

from math import prod

from tinyattr.files.fetch import FETCHABLE, cached, located, sha256_of
from tinyattr.files.recognise import recognised
from tinyattr.files.tables import aligned


def show_file(path, **said):
    """Return a text: layout, network, family, preprocessing, source, sha256, every layer. said: as for `load`."""
    path = located(path)
    with recognised(path, **said) as found:
        names, shapes, known = found.architecture.names, found.file.shapes, found.description
        count = sum(map(len, shapes.values()))
        lines = [
            f"file     {path}, {path.stat().st_size:,} bytes",
            f"sha256   {sha256_of(path)}",
            f"layout   {found.file.layout}",
            f"network  {architecture(found)}, {count} arrays, "
            f"{sum(prod(shape) for arrays in shapes.values() for shape in arrays):,} numbers",
            f"family   {training(found)}",
            f"photos   {_photos(known)}",
            f"logits   {found.architecture.layers[-1][0]}" + (f"; {known.note}" if known.note else ""),
        ]
        if known.source:
            lines.append(f"source   {known.source}")
        rows = [(layer, op, "  ".join(" x ".join(map(str, shape)) for shape in shapes.get(names.get(layer), ())),
                 " ".join(f"{key}={value}".replace(" ", "") for key, value in attributes.items()), names.get(layer, ""))
                for layer, op, attributes in found.architecture.layers]
        lines += ["", aligned(["layer", "op", "arrays", "attributes", "in the file"], rows)]
    return "\n".join(lines)


def _photos(known):
    """Say how photos are preprocessed."""
    spec = known.input
    if spec is None:
        return "unknown" + (f"; pictures are {' x '.join(map(str, known.picture))}" if known.picture else "")
    h, w, _ = spec.shape
    return f"{h} x {w}, {spec.order}, minus {spec.mean}, divided by {spec.scale}, {spec.resize}"


def architecture(found):
    """Return the architecture's name. For a VGG other than VGG19, say that it is not VGG19."""
    name = found.architecture.name
    if not found.architecture.families:
        return f"{name!r}, a user's own network"
    return f"{name}, which is not VGG19" if name.startswith("VGG") and name != "VGG19" else name


def training(found):
    """Say who trained the network, and how we know it."""
    if not found.architecture.families:
        return "its own"
    if found.family is None:
        return f"unknown; say who trained it with --family {' or '.join(found.architecture.families)}"
    if found.file.description.input:
        return f"{found.family}, as the file says"
    if found.published:
        return f"{found.family}, recognised by its numbers: {found.published.title}"
    return f"{found.family}, as given"


def published_networks():
    """List the published networks that `fetch` knows: sizes, licences, and where the files are."""
    lines = ["glyphs    in the package: the embedded network, trained on drawn glyphs"]
    for name, published in FETCHABLE.items():
        path = cached(published)
        size = f"{published.bytes / 1e6:,.1f} MB" if published.bytes else "about as large"
        where = f"fetched: {path}" if path.is_file() else f"not fetched; its place: {path}"
        lines.append(f"{name}\n  {published.title}; {size}\n  {published.licence}\n  {where}")
    return "\n".join(lines)
