"""From a weight file to a network and back: `load`, `save`, `convert`."""

from dataclasses import replace

from tqdm import tqdm

from tinyattr.errors import InputError, of_type
from tinyattr.files.atomic import writable
from tinyattr.files.fetch import claimed, located
from tinyattr.files.formats import has_content
from tinyattr.files.own_format import write
from tinyattr.files.recognise import recognised
from tinyattr.files.weight_file import Description
from tinyattr.nets import Network


def load(source, *, family=None, input=None, size=None, classes=None):
    """A Network from a weight file of any format and architecture that is known here.

    source: a path; "glyphs", the embedded network; the name of a fetched file, such as "vgg19"; the bytes of a file;
    or a file that is open for reading bytes, such as io.BytesIO.
    family: whose training, a key of FAMILIES; it fixes how photos are preprocessed. Files of our own say it, and the
    published networks are known by their numbers; for any other file `net.read` refuses photos until it is given.
    size: of photos, a number or (H, W), for a file that leaves it open. input: an InputSpec, which says all of that for
    a training of somebody's own: InputSpec(224, scale=(255, 255, 255)) is 1/255 alone. classes: their names, as many as
    logits. Raises InputError for a missing, damaged or unknown file, and for what is given and cannot be the file's.
    """
    with recognised(source if has_content(source) else located(source), family=family, input=input, size=size,
                    classes=classes) as found:
        return found.network()


def save(net, path):
    """Write any network into a file that `load` reads: layers, weights, preprocessing of photos, class names.

    path: or a file that is open for writing bytes. The file appears whole or not at all.
    Raises InputError for weights that are not finite, and for attributes of layers that cannot be written as data.
    """
    write(path, of_type(net, Network, "net").layers, net.weights.items(), Description(
        network=net.name, source=net.source, input=net.input, classes=net.classes, features=net.features))


def convert(source, path, **said):
    """Write any weight file that `load` reads as a file of our own, which says itself how photos are preprocessed.

    said: family, input, size, classes, as `load` takes them. One layer is in memory at a time. Raises InputError as
    `load` does, where nothing says whose training it is, and for a damaged copy of a published file.
    """
    source, path = located(source), writable(path)
    with recognised(source, **said) as found:
        if found.family is None and found.architecture.families:
            raise InputError(f"{source.name!r} does not say whose training it is, and its numbers are of no published "
                             f"network; say it with --family {' or '.join(found.architecture.families)}")
        digest, published, is_it = claimed(source)
        if published and not is_it:
            raise InputError(f"{source.name!r} is not the published file of {published.title}, whose name or size it "
                             f"has: its sha256 is {digest}; get it again")
        origin = found.description.source or f"{source.name}, {source.stat().st_size:,} bytes, sha256 {digest}"
        layers = tqdm(found.architecture.names, unit=" layers", desc=path.name, disable=None, leave=False)
        write(path, found.architecture.layers, ((layer, found.read(layer)) for layer in layers),
              replace(found.description, source=origin))
