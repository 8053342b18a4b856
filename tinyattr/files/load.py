"""Read a network from a weight file, and write it: `load`, `save`, `convert`."""

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
    """Return a Network from a weight file of any supported format and architecture.

    source: a path, a name, the bytes of a file, or a file that is open for reading bytes, such as io.BytesIO. Names are
    "glyphs", "glyphs_no_masks" (see weights/README.md), and networks that you have fetched, such as "vgg19".
    family: a key of FAMILIES. It says who trained the network, and so how photos are preprocessed. Files that `save`
    wrote and published networks need no family. Other files may say how photos are preprocessed, for example by a
    Rescaling layer. If not, give family or input. Without them, `net.read` raises InputError.
    size: height and width of the network's pictures, a number or (H, W), for files that allow several sizes.
    input: an InputSpec. It says how you preprocessed photos for the training. Then leave out family and size.
    For example, InputSpec(224, scale=(255, 255, 255)) divides photos by 255.
    classes: a list with the name of each class, in the order of the logits.
    Raises InputError for a missing, damaged or unknown file, and for arguments that contradict the file.
    """
    with recognised(source if has_content(source) else located(source), family=family, input=input, size=size,
                    classes=classes) as found:
        return found.network()


def save(net, path):
    """Write a network into a file that `load` reads: layers, weights, preprocessing of photos, names of the classes.

    path: the name of the file, or a file object that is open for writing bytes. The format is our own, an HDF5 file,
    usually named *.h5. A file appears under its name only when it is complete. Raises InputError for weights that are
    not finite, for attributes of layers that JSON cannot hold, and for names that cannot be printed or are too long.
    """
    write(path, of_type(net, Network, "net").layers, net.weights.items(), Description(
        network=net.name, source=net.source, input=net.input, classes=net.classes, features=net.features))


def convert(source, path, **said):
    """Read a weight file that `load` can read, and write its network in our own format, which includes preprocessing.

    said: family, input, size, classes: see `load`. Only one layer is in memory at a time. Raises InputError as `load`
    does, and also if nobody says who trained the network, or if the file is a damaged copy of a published file.
    """
    source, path = located(source), writable(path)
    with recognised(source, **said) as found:
        if found.family is None and found.architecture.families:
            raise InputError(f"{source.name!r} does not say who trained it, and its numbers belong to no published "
                             f"network; give --family {' or '.join(found.architecture.families)}")
        digest, published, is_it = claimed(source)
        if published and not is_it:
            raise InputError(f"{source.name!r} has the name or size of the file of {published.title}, but it is not "
                             f"this file: its sha256 is {digest}; get it again")
        origin = found.description.source or f"{source.name}, {source.stat().st_size:,} bytes, sha256 {digest}"
        layers = tqdm(found.architecture.names, unit=" layers", desc=path.name, disable=None, leave=False)
        write(path, found.architecture.layers, ((layer, found.read(layer)) for layer in layers),
              replace(found.description, source=origin))
