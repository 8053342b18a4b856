"""One figure to play with: class, score, method, layer, place and strength of the attack; both maps move at once."""

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.widgets import RadioButtons, Slider

from tinyattr.attack import alter
from tinyattr.errors import InputError
from tinyattr.methods import AT_A_LAYER, METHODS
from tinyattr.scores import SCORES
from tinyattr.softmax import softmax
from tinyattr.studies.draw import LINES, draw_small, in_grey
from tinyattr.studies.explain import Comparison, attack_text

QUICK = ("grad_cam", "grad_cam_plus", "hirescam", "layercam", "xgrad_cam", "gradient", "saliency", "guided_backprop",
         "lrp", "deeplift")  # methods of one or two walks: they answer while the mouse is still down
CLASSES = 6  # the likeliest, to choose from
STRONGEST = 30.0  # K of the slider's end
SIZE = 11.5, 6.6  # inches


@dataclass(frozen=True)
class Choice:
    """What is shown: class, score, method, layer, and the attack t = K sum_k A_ijk, (i, j) = at, A that layer."""

    target: int
    score: str
    method: str
    layer: str
    at: tuple[int, int]
    K: float


class Playground:
    """The figure, its widgets and the present choice. figure: an empty one that a window shows; default: none does."""

    def __init__(self, net, x, figure=None):
        self.net, self.tape = net, net.run(x)
        z = net.logits(self.tape)[0]
        self.y = softmax(z)
        self.classes = [int(c) for c in self.y.argsort()[::-1][:CLASSES]]
        self.layers = layers_with_places(net, self.tape)
        self.picture = None if net.input is None else net.input.decode(x)
        self.figure = figure or Figure(figsize=SIZE)
        self.figure.set_layout_engine("constrained")
        first = Choice(self.classes[0], "pre", "hirescam", self.layers[-1], (0, 0), 10.0)
        self._draw_frame(first)
        self.choose(first)

    def choose(self, choice):
        """Compute and draw both maps for a choice."""
        h, w = self.tape[choice.layer].output.shape[1:3]
        choice = replace(choice, at=(min(choice.at[0], h - 1), min(choice.at[1], w - 1)))
        altered = alter(self.net, K=choice.K, layer=choice.layer, at=choice.at)
        altered_tape = altered.run(self.tape["input"].output)
        layer = choice.layer if choice.method in AT_A_LAYER else None
        maps = [METHODS[choice.method](net, tape, choice.target, choice.score, layer)
                for net, tape in ((self.net, self.tape), (altered, altered_tape))]
        self.choice = choice
        self.cell = Comparison(choice.method, choice.score, *maps, choice.at, (h, w))
        self._draw_maps(np.abs(softmax(altered.logits(altered_tape)[0]) - self.y).max())

    def clicked(self, event):
        """A click into one of the three pictures moves the place that the attack reads."""
        if event.inaxes in self.axes and event.xdata is not None:
            (H, W), (h, w) = self.cell.original.size, self.cell.tapped
            i, j = int((event.ydata + 0.5) * h / H), int((event.xdata + 0.5) * w / W)
            self.choose(replace(self.choice, at=(min(max(i, 0), h - 1), min(max(j, 0), w - 1))))

    def _draw_frame(self, first):
        """A text and three pictures above; below, the widgets in the order of Choice, but for the place."""
        above, below = self.figure.subfigures(2, height_ratios=(3, 2))
        self.text = above.suptitle("", x=0.01, ha="left", fontsize=10, parse_math=False)
        self.axes = above.subplots(1, 3)
        self.figure.canvas.mpl_connect("button_press_event", self.clicked)
        names = [f"{self.net.label(c)}  y = {self.y[c]:.3f}" for c in self.classes]
        columns = {"target": ("class", names, self.classes), "score": ("score", SCORES, SCORES),
                   "method": ("method", QUICK, QUICK),
                   "layer": ("layer, explained and read by t", self.layers, self.layers)}
        *frames, strength = below.subplots(1, 5, width_ratios=(26, 13, 18, 26, 5))
        self.widgets = []
        for ax, (field, (title, labels, values)) in zip(frames, columns.items(), strict=True):
            ax.set_title(title, fontsize=9, loc="left")
            chosen = dict(zip(labels, values, strict=True))
            buttons = RadioButtons(ax, list(chosen), list(chosen.values()).index(getattr(first, field)), LINES[0])
            for label in buttons.labels:
                label.set(fontsize=8, parse_math=False)
            buttons.on_clicked(lambda label, field=field, chosen=chosen: self.choose(
                replace(self.choice, **{field: chosen[label]})))
            self.widgets.append(buttons)
        slider = Slider(strength, "K", 0.0, STRONGEST, valinit=first.K, color=LINES[0], orientation="vertical")
        slider.on_changed(lambda K: self.choose(replace(self.choice, K=float(K))))
        self.widgets.append(slider)

    def _draw_maps(self, change):
        """Picture, original and altered map, the place that t reads, and the figures above."""
        cell, (H, W), (h, w), (i, j) = self.cell, self.cell.original.size, self.cell.tapped, self.cell.at
        grey = np.full((H, W), 128.0) if self.picture is None else in_grey(self.picture)
        for ax, title in zip(self.axes, ("picture", "original network", "altered network"), strict=True):
            ax.clear()
            ax.set(xticks=[], yticks=[])
            ax.set_title(title, fontsize=9)
            ax.add_patch(Rectangle((j * W / w - 0.5, i * H / h - 0.5), W / w, H / h, fill=False, lw=1.5, ec="white"))
        self.axes[0].imshow(grey if self.picture is None else self.picture, cmap="gray", vmin=0, vmax=255)
        self.axes[0].set_xlabel("click into a picture: t reads that place", fontsize=8)
        for ax, heatmap in zip(self.axes[1:], (cell.original, cell.altered), strict=True):
            draw_small(ax, heatmap, grey)
        shares = np.nan_to_num([cell.corner(cell.original), cell.corner(cell.altered)])
        attack = attack_text({"K": self.choice.K, "tap": self.choice.layer, "at": cell.at})
        self.text.set_text(
            f"{cell.original.caption.split(':')[0]}\n"
            f"t = {attack}; largest change of a probability {change:.1g}\n"
            f"maps correlate {cell.correlation:.3f}; share of the map in the place that t reads: "
            f"{shares[0]:.2f} original, {shares[1]:.2f} altered")
        self.figure.canvas.draw_idle()


def layers_with_places(net, tape):
    """Names of layers to choose from: pools and the last ReLU before each, in order; all layers with places if none."""
    names = [name for name, _, _ in net.layers if tape[name].output.ndim == 4]
    found = []
    for before, name in zip([None, *names], names, strict=False):
        if tape[name].op in ("max_pool", "avg_pool"):
            found += [n for n in (before, name) if n is not None]
    if net.features in names:
        found.append(net.features)
    return list(dict.fromkeys(found))[-8:] or names[-8:]


def play(net, x, *, browser=False, port=8988):
    """Open the playground in a window, or in a web browser by matplotlib's WebAgg; returns it when it is closed.

    Raises InputError where there is no window to open, or no tornado for the browser.
    """
    import matplotlib.pyplot as plt

    if browser:
        try:
            import tornado  # noqa: F401 (WebAgg's web server)
        except ImportError:
            raise InputError("the browser needs tornado; install it: python3 -m pip install tornado") from None
        plt.rcParams["webagg.port"] = port
        plt.switch_backend("webagg")
    elif plt.get_backend().lower() == "agg":
        raise InputError("there is no window to open here; try --browser, or --out FILE for a picture of it")
    try:
        window = plt.figure("tinyattr", figsize=SIZE)
    except ImportError as error:  # a screen or a package that the window needs is missing
        raise InputError(f"no window: {error}; try --browser, or --out FILE for a picture of it") from None
    ground = Playground(net, x, window)
    plt.show()
    return ground
