"""What a weight file holds, and which published networks there are, as text."""

from math import prod

from tinyattr.files.fetch import FETCHABLE, cached, located, sha256_of
from tinyattr.files.recognise import recognised
from tinyattr.files.tables import aligned


def show_file(path, **said):
    """Layout, network, family, preprocessing of photos, source, sha256, and every layer; said: see `load`."""
    path = located(path)
    with recognised(path, **said) as found:
        names, shapes = found.architecture.names, found.file.shapes
        spec, source = found.description.input, found.description.source
        lines = [
            f"file     {path}, {path.stat().st_size:,} bytes",
            f"sha256   {sha256_of(path)}",
            f"layout   {found.file.layout}",
            f"network  {architecture(found)}, {2 * len(names)} arrays, "
            f"{sum(prod(shape) for pair in shapes.values() for shape in pair):,} numbers",
            f"family   {training(found)}",
            "photos   unknown" if spec is None else f"photos   {spec.shape[0]} x {spec.shape[1]}, {spec.order}, "
            f"minus {spec.mean}, divided by {spec.scale}, {spec.resize}",
        ]
        if source:
            lines.append(f"source   {source}")
        rows = [(layer, *(" x ".join(map(str, shape)) for shape in shapes[name]), name)
                for layer, name in names.items()]
        lines += ["", aligned(["layer", "kernel", "bias", "in the file"], rows)]
    return "\n".join(lines)


def architecture(found):
    """The architecture's name; of a VGG that is not VGG19, it says so."""
    name = found.architecture.name
    return f"{name}, which is not VGG19" if name.startswith("VGG") and name != "VGG19" else name


def training(found):
    """Whose training it is, and how that is known."""
    if found.family is None:
        return f"unknown; say whose training it is with --family {' or '.join(found.architecture.families)}"
    if found.file.description.input:
        return f"{found.family}, as the file says"
    if found.published:
        return f"{found.family}, known by its numbers: {found.published.title}"
    return f"{found.family}, as given"


def published_networks():
    """The published networks that `fetch` knows, their sizes and licences, and where they lie."""
    lines = ["glyphs    in the package: the embedded network, trained on pictures of its own"]
    for name, published in FETCHABLE.items():
        path = cached(published)
        size = f"{published.bytes / 1e6:,.1f} MB" if published.bytes else "about as large"
        where = f"fetched: {path}" if path.is_file() else f"not fetched; its place: {path}"
        lines.append(f"{name}\n  {published.title}; {size}\n  {published.licence}\n  {where}")
    return "\n".join(lines)
