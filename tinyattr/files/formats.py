"""Weight files, whoever wrote them, as one thing: layers in order, each a kernel and a bias. Vetted before read.

HDF5 layouts told apart (of a foreign file no attribute is read but `format`, to see that it is foreign):

    tinyattr        /block1_conv1/kernel                        our own; attributes say what the network is
    keras-2016      /block1_conv1/block1_conv1_W_1:0            the official keras.applications files
    keras-weights   /block1_conv1/block1_conv1/kernel:0         tf_keras save_weights; also plain /block1_conv1/kernel
    keras-model     /model_weights/block1_conv1/...             Keras 2 and 3 whole-model .h5
    keras-3         /layers/conv2d/vars/0                       Keras 3 .weights.h5 and the inside of .keras
"""

import re
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from tinyattr.errors import InputError

MOST_NUMBERS = 200_000_000  # in all arrays of a file: VGG19 has 143,667,240
MOST_MEMBERS = 256  # in one group: VGG19 has 26, SqueezeNet v1.0 has 26
DEEPEST = 3  # groups below a layer's own
LARGEST_WEIGHT = 1e4  # real networks stay below 100
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}


@dataclass(frozen=True)
class Stored:
    """An open weight file: its layout and, per layer in natural order, (kernel, bias) datasets not yet read."""

    path: Path
    layout: str
    datasets: dict
    attributes: dict

    @property
    def shapes(self):
        """{layer: (kernel shape, bias shape)}."""
        return {layer: (kernel.shape, bias.shape) for layer, (kernel, bias) in self.datasets.items()}

    def read(self, layer):
        """(kernel, bias) as float32 arrays. Raises InputError for damaged data, NaN, or numbers no network has."""
        return tuple(_read(d, f"{self.path.name}: {layer}") for d in self.datasets[layer])


@contextmanager
def open_weights(path):
    """Open a weight file of any supported layout: `with open_weights(path) as stored`. Raises InputError."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no weight file at {str(path)!r}; give the path of an HDF5 (.h5) or .keras file")
    try:
        if zipfile.is_zipfile(path):
            with (
                zipfile.ZipFile(path) as archive,
                archive.open(_keras_member(archive, path)) as member,
                h5py.File(member, "r") as file,
            ):
                yield _stored(file, path)
        elif h5py.is_hdf5(path):
            with h5py.File(path, "r", rdcc_nbytes=1 << 16, locking="best-effort") as file:
                yield _stored(file, path)
        else:
            raise InputError(f"{path.name!r} is not an HDF5 file; give weights saved as .h5, .weights.h5 or .keras")
    except InputError:
        raise
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path.name!r} is damaged or not a weight file: {_one_line(error)}") from None


def _keras_member(archive, path):
    info = next((i for i in archive.infolist() if i.filename == "model.weights.h5"), None)
    if info is None:
        raise InputError(f"{path.name!r} is a zip file without model.weights.h5; a .keras file was expected")
    if info.compress_type != zipfile.ZIP_STORED:
        raise InputError(f"{path.name!r}: model.weights.h5 is compressed; Keras stores it as it is")
    return info


def _stored(file, path):
    members = _members(file, path.name)
    own = file.attrs.get("format") == "tinyattr"
    if own:
        layout, root = "tinyattr", file
    elif "model_weights" in members:
        layout, root = "keras-model", file["model_weights"]
    elif "layers" in members:
        layout, root = "keras-3", file["layers"]
    else:
        layout, root = "keras-weights", file
    datasets = {}
    for name in sorted(_members(root, path.name), key=_natural):
        if root.get(name, getclass=True) is h5py.Group:
            found = _datasets(root[name], path.name)
            if found:
                datasets[name] = _kernel_and_bias(found, f"{path.name}: {name}")
    numbers = sum(float(kernel.size) + bias.size for kernel, bias in datasets.values())
    if numbers > MOST_NUMBERS:
        raise InputError(f"{path.name!r} declares {numbers:.3g} numbers; at most {MOST_NUMBERS:,} are read")
    if not datasets:
        raise InputError(f"{path.name!r} holds no layer with a kernel and a bias; is it a weight file?")
    if layout == "keras-weights" and all(k.name.endswith("_W_1:0") for k, _ in datasets.values()):
        layout = "keras-2016"
    return Stored(path, layout, datasets, dict(file.attrs) if own else {})


def _members(group, where):
    """Names in a group. Only hard links: a soft or external link may lead to another place or another file."""
    if len(group) > MOST_MEMBERS:
        raise InputError(f"{where}: {group.name} has {len(group)} members; at most {MOST_MEMBERS} are read")
    names = list(group)
    for name in names:
        if not isinstance(name, str):
            raise InputError(f"{where}: a member's name is not text: {name!r}")
        if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise InputError(f"{where}: {name!r} is a link to another place; weights must lie in the file itself")
    return names


def _datasets(group, where, depth=0):
    """All datasets of a layer's group, at most DEEPEST groups down."""
    if depth > DEEPEST:
        raise InputError(f"{where}: {group.name} lies too deep; a layer's arrays lie at most {DEEPEST} groups down")
    found = []
    for name in _members(group, where):
        member = group[name]
        found += _datasets(member, where, depth + 1) if isinstance(member, h5py.Group) else [member]
        if len(found) > 2:
            raise InputError(f"{where}: {group.name} holds more than a kernel and a bias; one network per file, please")
    return found


def _kernel_and_bias(found, where):
    """The two arrays of a layer, told apart by their rank, vetted but not read."""
    for d in found:
        if not isinstance(d, h5py.Dataset):
            raise InputError(f"{where}: {d.name} is no array")
        _vet(d, where)
    kernels = [d for d in found if d.ndim in (2, 4)]
    biases = [d for d in found if d.ndim == 1]
    if len(kernels) != 1 or len(biases) != 1:
        raise InputError(f"{where}: expected one kernel (2 or 4 axes) and one bias (1 axis), "
                         f"found shapes {[d.shape for d in found]}")
    return kernels[0], biases[0]


def _vet(d, where):
    """Refuse a dataset whose reading could leave the file, run a plugin, or cost more than the array itself."""
    plist = d.id.get_create_plist()
    where = f"{where}: {d.name}"
    if plist.get_layout() == h5py.h5d.VIRTUAL or plist.get_external_count():
        raise InputError(f"{where} keeps its numbers in another file; weights must lie in the file itself")
    if d.dtype.kind != "f" or d.dtype.itemsize not in (2, 4, 8):
        raise InputError(f"{where} has type {d.dtype}; weights are float16, float32 or float64")
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    if not FILTERS.issuperset(filters) or len(set(filters)) < len(filters):
        raise InputError(f"{where} uses HDF5 filters {filters}; read are deflate, shuffle, fletcher32, lzf, each once")
    if d.chunks:
        if np.prod(d.chunks, dtype=float) * d.dtype.itemsize > max(4 * d.nbytes, 1 << 20):
            raise InputError(f"{where} has chunks of {d.chunks} for an array of {d.shape}")
        written = d.id.get_space_status() == h5py.h5d.SPACE_STATUS_ALLOCATED
    else:
        written = plist.get_layout() == h5py.h5d.COMPACT or d.id.get_storage_size() == d.nbytes
    if not written or d.size == 0:
        raise InputError(f"{where} was never written completely; the file comes from an interrupted run")


def _read(d, where):
    a = np.empty(d.shape, np.float32)
    d.read_direct(a)
    return plausible(a, f"{where}: {d.name}")


def plausible(a, where):
    """The array, if it could be weights: finite, none above LARGEST_WEIGHT, no kernel of zeros. Raises InputError."""
    largest = max(a.max(), -a.min())  # NaN fails the comparison
    if not largest <= LARGEST_WEIGHT:
        raise InputError(f"{where} holds {largest}; weights are finite numbers below {LARGEST_WEIGHT:g}")
    if a.ndim > 1 and largest == 0:
        raise InputError(f"{where} is all zeros; a file that was never completed?")
    return a


def _natural(name):
    """Sort key under which conv2d_2 comes before conv2d_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _one_line(error):
    return " ".join(str(error).split())[:200]
