"""Published networks: where their files are, and by which numbers they are recognised in whatever file.

The same architecture was trained more than once, and each training wants its photos preprocessed in its own way. So a
network is known by its numbers, never by its names and shapes.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files

import numpy as np

IMAGENET = "trained on ImageNet, whose terms allow research only"


@dataclass(frozen=True)
class Published:
    """A published network. url, bytes and sha256 are those of a file to fetch (bytes 0: nobody says how many).

    marks: (array, place in it, what stands there: numbers printed in public, or the sha256 of its bytes as float32).
    black: smallest and largest probability for a black picture, and mean of (y_c - 1/1000)^2.
    photos: {stem of a photo of the papers' authors: (class, probability or None)}.
    """

    name: str
    architecture: str
    family: str
    title: str
    url: str = ""
    file: str = ""
    bytes: int = 0
    sha256: str = ""
    licence: str = ""
    marks: tuple = ()
    black: tuple = ()
    photos: dict = field(default_factory=dict)


REGISTRY = {published.name: published for published in (
    Published(
        "vgg19", "VGG19", "oxford", "VGG19, trained in Oxford (2014), as keras.applications publishes it",
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5",
        "vgg19_weights_tf_dim_ordering_tf_kernels.h5", 574_710_816,
        "c872d82e40328910cd7a12763dae043d56eb00efe6a137f31899514d637d4cdb", f"CC BY 4.0; {IMAGENET}",
        marks=(("block5_conv4/bias", np.s_[:], "f4960e334fa65b3637082b51c395c4a6d4e4a490804f2eb129b900c0993620a7"),
               ("block5_conv4/kernel", np.s_[2, 2, 315:512],
                "51a51f2af4a1db854ab82399210e4e605d7ae9d80a9306552c7afa09d8acc4bf")),
        black=(1.743989e-05, 0.07632058, 1.2756569e-05),
        photos={"beagle": (162, 0.648098), "space_shuttle": (812, 1.0), "soccer_ball": (805, 0.855707),
                "dog-and-cat": (235, 0.677826), "pick": (714, 1.0), "yellow_ladys_slipper": (986, 1.0)},
    ),
    Published(
        "vgg19-torchvision", "VGG19", "torchvision", "VGG19, trained again for torchvision (2017)",
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth", "vgg19-dcbb9e9d.pth", 574_673_361,
        "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44", f"BSD 3-clause; {IMAGENET}",
        marks=(("block1_conv1/kernel", np.s_[0, :, 0, 0:1], ((-0.053474,), (-0.049257,), (-0.067942,))),
               ("block1_conv1/kernel", np.s_[1, :, 1, 0:1], ((0.14165,), (0.22705,), (0.13758,))),
               ("block1_conv1/kernel", np.s_[2, :, 2, 63:64], ((-0.66407,), (-0.64891,), (-0.55356,)))),
        photos={"pick": (714, None)},
    ),
    Published(
        "vgg19-timm", "VGG19", "torchvision", "the same numbers as vgg19-torchvision, as timm publishes them",
        "https://huggingface.co/timm/vgg19.tv_in1k/resolve/main/model.safetensors", "vgg19.tv_in1k.safetensors", 0,
        "11aea017b543ff59233749d8f1cf544cda749378f5790d2fedab841fb86b7669", f"BSD 3-clause; {IMAGENET}",
    ),
    Published(
        "vgg16-torchvision", "VGG16", "torchvision", "VGG16, trained for torchvision (2017)",
        "https://download.pytorch.org/models/vgg16-397923af.pth", "vgg16-397923af.pth", 553_433_881,
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0", f"BSD 3-clause; {IMAGENET}",
    ),
    Published(
        "squeezenet", "SqueezeNet v1.1", "torchvision", "SqueezeNet v1.1, trained for torchvision",
        "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth", "squeezenet1_1-b8a52dc0.pth", 4_958_839,
        "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b", f"BSD 3-clause; {IMAGENET}",
    ),
    Published(
        "vgg16", "VGG16", "oxford", "VGG16, trained in Oxford (2014)",
        marks=(("block1_conv1/kernel", np.s_[0, 0, 0, :3], (0.429470569, 0.117273867, 0.0340129584)),
               ("block1_conv1/kernel", np.s_[0, 0, 1:, 0], (0.550379455, 0.480015397))),
    ),
    Published(
        "squeezenet-dc", "SqueezeNet v1.0", "squeezenet-caffe", "SqueezeNet v1.0 after deep compression",
        licence=f"BSD 2-clause; {IMAGENET}",
        photos={"beagle": (162, 0.4296), "dog-and-cat": (235, 0.7186), "soccer_ball": (805, 0.8783),
                "space_shuttle": (812, 0.9981), "pick": (714, 0.9983), "yellow_ladys_slipper": (986, 0.999998)},
    ),
)}


def identify(architecture, read):
    """(the published network of this architecture whose numbers these are, {array: whether it is as published}).

    (None, {}) where none has a number in common. read: gives (kernel, bias) of a layer. Arrays: "block5_conv4/bias".
    """
    for published in REGISTRY.values():
        if published.architecture == architecture and any((compared := _compared(published, read)).values()):
            return published, compared
    return None, {}


def _compared(published, read):
    """{array: whether it has all its marks}: the network's own, and the digests of whole arrays in registry.tsv."""
    text = (files("tinyattr.files") / "registry.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    whole = [(where, np.s_[:], digest) for name, where, digest in rows if name == published.name]
    found = {}
    for where, place, expected in (*published.marks, *whole):
        layer, what = where.split("/")
        found[where] = found.get(where, True) and _is(read(layer)[what == "bias"][place], expected)
    return found


def _is(numbers, expected):
    if isinstance(expected, str):
        return sha256(np.ascontiguousarray(numbers, "<f4")).hexdigest() == expected
    return numbers.shape == np.shape(expected) and np.allclose(numbers, expected, rtol=5e-5, atol=0)  # 5 digits printed
