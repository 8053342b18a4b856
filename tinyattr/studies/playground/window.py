"""The playground as one figure, with matplotlib's widgets. Only changed parts are drawn again; the layout stays."""

from dataclasses import replace

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.widgets import RadioButtons, Slider

from tinyattr.errors import InputError
from tinyattr.scores import SCORES
from tinyattr.studies.draw import LINES, coloured
from tinyattr.studies.playground.ground import QUICK, STRONGEST, WORDS, Ground

SIZE = 11.5, 7.0  # inches


class Playground:
    """A Playground has a figure, widgets and the present choice. figure: an empty one; default: no window."""

    def __init__(self, net, x, figure=None):
        self.ground = Ground(net, x)
        self.figure = figure or FigureCanvasAgg(Figure(figsize=SIZE)).figure
        self._draw_frame(self.ground.first)
        self.choose(self.ground.first)
        self.arrange()
        self.figure.canvas.mpl_connect("resize_event", self.arrange)
        self.figure.canvas.mpl_connect("button_press_event", self.clicked)

    def arrange(self, event=None):
        """Lay out the window. Between two calls no part changes its size, so clicks are fast."""
        self.figure.set_layout_engine("constrained")
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def choose(self, choice):
        """Compute both maps for a choice, and draw the changed parts."""
        ground = self.ground
        self.choice = ground.fitting(choice)
        self.cell, change = ground.compare(self.choice)
        (H, W), (h, w), (i, j) = self.cell.original.size, self.cell.tapped, self.cell.at
        for square in self.squares:
            square.set_bounds(j * W / w - 0.5, i * H / h - 0.5, W / w, H / h)
        for image, ax, heatmap, name in zip(self.images, self.axes[1:], (self.cell.original, self.cell.altered),
                                            ("original network", "altered network"), strict=True):
            image.set_data(coloured(heatmap, ground.grey))
            ax.title.set_text(f"{name}{': ' if heatmap.note else ''}{heatmap.note}")
        self.text.set_text("\n".join(ground.sentences(self.choice, self.cell, change)))
        self.figure.canvas.draw_idle()

    def clicked(self, event):
        """Move the place that the attack reads, after a click into one of the three pictures."""
        if event.inaxes in self.axes and event.xdata is not None:
            (H, W), (h, w) = self.cell.original.size, self.cell.tapped
            at = int((event.ydata + 0.5) * h / H), int((event.xdata + 0.5) * w / W)
            self.choose(replace(self.choice, at=at))

    def _draw_frame(self, first):
        """Draw a text and three pictures and, below them, the widgets in the order of Choice, without the place."""
        ground = self.ground
        above, below = self.figure.subfigures(2, height_ratios=(3, 2))
        self.text = above.suptitle("", x=0.01, ha="left", fontsize=10, parse_math=False)
        self.axes = above.subplots(1, 3)
        seen = ground.grey if ground.picture is None else ground.picture
        images = [ax.imshow(seen, cmap="gray", vmin=0, vmax=255) for ax in self.axes]
        self.images = images[1:]
        self.squares = [ax.add_patch(Rectangle((0, 0), 1, 1, fill=False, lw=1.5, ec="white")) for ax in self.axes]
        for ax in self.axes:
            ax.set(xticks=[], yticks=[])
            ax.set_title(" ", fontsize=9, wrap=True)
        self.axes[0].title.set_text("click into a picture: t reads that place")
        below.supxlabel(WORDS, fontsize=8, wrap=True)
        names = [f"{ground.net.label(c)}  y = {ground.y[c]:.3f}" for c in ground.classes]
        columns = {"target": ("class", names, ground.classes), "score": ("score", SCORES, SCORES),
                   "method": ("method", QUICK, QUICK),
                   "layer": ("layer, explained and read by t", ground.layers, ground.layers)}
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


def play(net, x):
    """Open the playground in a window, and return it when it is closed. Raises InputError if no window can open."""
    import matplotlib.pyplot as plt

    if plt.get_backend().lower() == "agg":
        raise InputError("there is no window to open here; try --browser, or --out FILE for a picture of it")
    try:
        window = plt.figure("tinyattr", figsize=SIZE)
    except ImportError as error:  # the window needs a screen or a package that is missing
        raise InputError(f"no window: {error}; try --browser, or --out FILE for a picture of it") from None
    ground = Playground(net, x, window)
    plt.show()
    return ground
