"""Find out which network a file holds. Weight files rarely name it, so we compare names and shapes of their layers.

To add an architecture, write a function that takes a file's shapes and yields Architectures that may fit, and put it
into SUGGEST. It need not check every shape: `architectures_of` compares all shapes with each suggestion.
"""

import re
from dataclasses import dataclass
from math import isqrt

from tinyattr.errors import InputError
from tinyattr.files.pytorch import squeezenet_names, vgg_names
from tinyattr.files.squeezenet import squeezenet_layers, squeezenet_shapes
from tinyattr.files.vgg import CONVOLUTIONS, VGG_NAMES, vgg_layers, vgg_shapes
from tinyattr.nets.wiring import wired

SAVE_IT_WHOLE = ("for your own network, save the whole model: model.save('net.keras'); or build it with ta.network "
                 "and use net.with_weights(path)")
POOLS = 5
OF_A_VGG = re.compile(r"input.*|(block\d_|max_?)?pool(ing2d)?[\d_]*|max_pooling2d.*|flatten.*|drop.*|relu.*|prob|"
                      r"top_level_model_weights")  # names that a VGG's layers without weights have in files


@dataclass(frozen=True)
class Architecture:
    """An Architecture is a network without its numbers, and the names of its layers in a file.

    layers: as in a Network. kernels: {layer: shape}; a bias has the length of the kernel's last axis. names: {layer:
    its name in the file}, for layers with weights. families: keys of FAMILIES, those who have trained it. features: the
    layer that CAMs explain, None for a Network's default. sizes: picture sizes that fit its dense layers, None for any.
    """

    name: str
    layers: list
    kernels: dict[str, tuple[int, ...]]
    names: dict[str, str]
    families: tuple[str, ...]
    features: str | None = None
    sizes: range | None = None

    @property
    def classes(self):
        """The number of logits; None for a user's own network."""
        return next((kernel[-1] for kernel in reversed(self.kernels.values())), None)

    def misfit(self, shapes):
        """Describe the first layer that does not fit, or return None. shapes: {file's layer: shapes (kernel, bias)}."""
        for layer, needed in self.kernels.items():
            kernel, bias = shapes[self.names[layer]]
            if (kernel, bias) != (needed, needed[-1:]):
                return (f"layer '{self.names[layer]}' has kernel {kernel} and bias {bias}; "
                        f"{self.name} needs {needed} and {needed[-1:]} there")
        return None


def architecture_of(file):
    """Return the Architecture of a file that says what its layers do: a known one with these layers, else a new one.

    For a file in our own format the names of layers must be equal too, because users want to get their names back.
    """
    shapes, own, named = file.shapes, file.description, file.description.sha256 is not None
    pairs = all(len(arrays) == 2 for arrays in shapes.values())
    for architecture in (found for suggest in SUGGEST for found in suggest(shapes)) if pairs else ():
        same = architecture.misfit(shapes) is None and numbered(architecture.layers) == numbered(file.graph)
        if same and (not named or [name for name, *_ in architecture.layers] == [name for name, *_ in file.graph]):
            return architecture
    return Architecture(own.network, file.graph, {}, {layer: layer for layer in file.layers}, ())


def numbered(layers):
    """Return the layers without their names, as (op, attributes, numbers of the layers that this layer reads)."""
    numbers, found = {"input": 0}, []
    for name, op, inputs, own in wired(layers):
        found.append((op, own, [numbers[i] for i in inputs]))
        numbers[name] = len(numbers)
    return found


def architectures_of(shapes, bare=()):
    """Return the Architectures that fit a file, the most likely first. shapes: {file's layer: shapes (kernel, bias)}.

    bare: names of layers without weights, if the file has them. Raises InputError if no Architecture fits. The message
    names the first layer that does not fit, or says that the file holds another network.
    """
    other = [name for name in bare if not OF_A_VGG.fullmatch(name)]
    if other:
        raise InputError(f"it has a layer {other[0][:40]!r}, which is in no VGG or SqueezeNet; {SAVE_IT_WHOLE}")
    pools = sum("pool" in name for name in bare)
    if pools != POOLS and bare:  # a file that names any layer without weights names them all
        raise InputError(f"it has {pools} pooling layers, but a VGG has {POOLS}; {SAVE_IT_WHOLE}")
    suggested = [architecture for suggest in SUGGEST for architecture in suggest(shapes)]
    misfits = [architecture.misfit(shapes) for architecture in suggested]
    if None in misfits:
        return [architecture for architecture, misfit in zip(suggested, misfits, strict=True) if misfit is None]
    if misfits:
        raise InputError(misfits[0])
    few = ", ".join([*list(shapes)[:3], *(["..."] if len(shapes) > 3 else [])])
    raise InputError(f"{len(shapes)} layer(s) with weights ({few}) are neither a whole VGG with its dense layers "
                     f"nor a SqueezeNet; {SAVE_IT_WHOLE}")


def _vggs(shapes):
    """Yield the VGG that has as many convolutions as the file. We match layers by Keras' names, or else by their order.

    The VGG has a batch normalisation after every convolution if the file has any.
    """
    convolutions, dense, norms = (
        [layer for layer, (kernel, _) in shapes.items() if len(kernel) == axes] for axes in (4, 2, 1))
    counts = {sum(blocks): configuration for configuration, blocks in CONVOLUTIONS.items()}
    if len(convolutions) not in counts or len(dense) != 3 or any(shapes[c][0][:2] != (3, 3) for c in convolutions):
        return
    configuration = counts[len(convolutions)]
    layers = with_batch_norm(vgg_layers(configuration)) if norms else vgg_layers(configuration)
    ours, behind = ([name for name, op, _ in layers if op in ops] for ops in (("conv2d", "dense"), ("batch_norm",)))
    theirs = ours if set(ours) <= set(shapes) else convolutions + dense
    counted = [name for name in vgg_names(layers).values() if name.startswith("features.")]
    places = theirs[0].startswith("features.")
    if len(norms) != len(behind) or (places and sorted(convolutions + norms) != sorted(counted)):
        return  # the numbers in PyTorch's names show where pools are: here they are not at the places of this VGG
    kernels = [shapes[layer][0] for layer in theirs]
    channels = [kernels[sum(CONVOLUTIONS[configuration][:b])][-1] for b in range(5)]  # after each block's first kernel
    *hidden, classes = (kernel[-1] for kernel in kernels[-3:])
    size = 32 * max(isqrt(kernels[-3][0] // channels[-1]), 1)  # after five pools, sizes up to 31 larger give the same
    needed, names = vgg_shapes(configuration, channels, hidden, classes, size), dict(zip(ours, theirs, strict=True))
    names |= dict(zip(behind, norms, strict=True))
    needed = {**{name: needed[name.replace("norm", "conv")][-1:] for name in behind}, **needed}
    yield Architecture(VGG_NAMES[configuration] + " with batch normalisation" * bool(norms), layers, needed, names,
                       ("torchvision",) if norms else ("oxford", "torchvision", "tinyattr"),
                       sizes=range(size, size + 32))


def with_batch_norm(layers):
    """Return the layers of a VGG with batch normalisation between every convolution and its ReLU."""
    found = []
    for name, op, attributes in layers:
        found.append((name, op, attributes))
        if op == "conv2d":
            found.append((name.replace("conv", "norm"), "batch_norm", {}))
    return found


def _squeezenets(shapes):
    """Yield each version of SqueezeNet whose names of layers, ours or torchvision's, the file has."""
    for name, version, padding in (("SqueezeNet v1.0", "1.0", 1), ("SqueezeNet v1.0 (torchvision)", "1.0", 0),
                                   ("SqueezeNet v1.1", "1.1", 0)):
        ours = {layer: layer for layer in squeezenet_shapes(version)}
        for names in (ours,) if padding else (ours, squeezenet_names(version)):
            if set(names.values()) == set(shapes):
                kernels = squeezenet_shapes(version, classes=shapes[names["conv10"]][0][-1])
                yield Architecture(name, squeezenet_layers(version, padding), kernels, names,
                                   ("squeezenet-caffe", "torchvision"), features="fire9_concat")


SUGGEST = (_squeezenets, _vggs)
