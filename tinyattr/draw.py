"""Every figure. Each names method, score, layer and class; its colours are safe for colour-blind readers."""

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

from tinyattr.errors import InputError
from tinyattr.files.whole import whole, writable

POSITIVE = "inferno"  # maps in [0, 1]: ordered by lightness alone, so no hue need be told from another
SCORE_TITLES = {
    "pre": "pre:  $z_c$", "post": "post:  $y_c$", "log": r"log:  $\log y_c$",
    "log_odds": r"log_odds:  $\log\,y_c/(1-y_c)$", "centred": r"centred:  $z_c-\bar z$",
    "margin": r"margin:  $z_c-z_r$",
}


def side_by_side(explanation, title=""):
    """The layout of Lerma & Lucas 2023b, Figures 3-5: image, heatmap, overlay; by score, original and altered.

    The image row stands once, heatmap and overlay for every method. Returns a matplotlib Figure.
    """
    cells = explanation.cells
    methods = list(dict.fromkeys(c.method for c in cells))
    scores = list(dict.fromkeys(c.score for c in cells))
    both = explanation.y_altered is not None
    networks = ["original", "altered"] if both else ["original"]
    rows = 1 + 2 * len(methods)
    width, height = max(1.55 * len(scores) * len(networks) + 1.1, 6), 1.55 * rows + 1.3  # inches
    figure = Figure(figsize=(width, height), dpi=120)
    groups = figure.add_gridspec(1, len(scores), wspace=0.06, left=0.9 / width, right=0.99,
                                 bottom=0.45 / height, top=1 - 0.9 / height)
    for s, score in enumerate(scores):
        grid = groups[s].subgridspec(rows, len(networks), wspace=0.03, hspace=0.03)
        for n, name in enumerate(networks):
            axes = [figure.add_subplot(grid[r, n]) for r in range(rows)]
            found = {c.method: getattr(c, name) for c in cells if c.score == score}
            _draw_column(axes, [found[m] for m in methods])
            axes[-1].set_xlabel(name, fontsize=9)
            if s == n == 0:
                labels = ["image"] + [f"{found[m].method}\n{what}" for m in methods for what in ("heatmap", "overlay")]
                for ax, label in zip(axes, labels, strict=True):
                    ax.set_ylabel(label, fontsize=9)
        box = groups[s].get_position(figure)
        figure.text((box.x0 + box.x1) / 2, box.y1 + 0.008, SCORE_TITLES[score], ha="center", va="bottom", fontsize=10)
    figure.suptitle(f"{title}\n{_sentence(explanation)}".strip(), fontsize=10, y=1 - 0.1 / height, va="top")
    return figure


def _draw_column(axes, heatmaps):
    """Image on top, then heatmap and overlay of each map."""
    grey = _grey(heatmaps[0])
    axes[0].imshow(heatmaps[0].picture if heatmaps[0].picture is not None else grey, cmap="gray")
    for heatmap, plain, over in zip(heatmaps, axes[1::2], axes[2::2], strict=True):
        plain.imshow(heatmap.map, cmap=POSITIVE, vmin=0, vmax=1)
        draw_overlay(over, heatmap, grey)
        if heatmap.note:
            plain.text(0.5, 0.5, heatmap.note.replace(" for ", "\nfor "), transform=plain.transAxes,
                       color="white", fontsize=7, ha="center", va="center")
    for ax in axes:
        ax.set(xticks=[], yticks=[])


def draw_overlay(ax, heatmap, grey):
    """The map over the picture in grey: the stronger, the less of the picture shows through."""
    ax.imshow(grey, cmap="gray", vmin=0, vmax=255)
    ax.imshow(heatmap.map, cmap=POSITIVE, vmin=0, vmax=1, alpha=0.25 + 0.5 * heatmap.map)


def save_heatmap(heatmap, path):
    """One map over its picture, caption above, into an image file."""
    figure = Figure(figsize=(4.6, 4.9), dpi=120)
    ax = figure.add_axes((0.03, 0.03, 0.82, 0.84))
    draw_overlay(ax, heatmap, _grey(heatmap))
    ax.set(xticks=[], yticks=[])
    ax.set_title(heatmap.caption.replace(", layer", "\nlayer"), fontsize=9)
    scale = figure.add_axes((0.87, 0.03, 0.03, 0.84))
    scale.imshow(np.linspace(1, 0, 64)[:, None], cmap=POSITIVE, aspect="auto", extent=(0, 1, 0, 1))
    scale.set(xticks=[])
    scale.yaxis.tick_right()
    scale.tick_params(labelsize=7)
    save(figure, path)


def save(figure, path):
    """Write a figure; the file appears whole or not at all. Raises InputError as `drawable` does."""
    with whole(drawable(path)) as temporary:
        figure.savefig(temporary)


def drawable(path):
    """`path`, if its folder exists and its ending is one that matplotlib can write. Raises InputError otherwise."""
    path, known = writable(path), FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise InputError(f"{path.name!r} has the ending {path.suffix!r}; "
                         f"figures are written as {', '.join(sorted(known))}")
    return path


def _grey(heatmap):
    """The picture in grey, 0..255, or a plain grey where the network does not say how pictures look."""
    if heatmap.picture is None:
        return np.full(heatmap.size, 128.0)
    return heatmap.picture @ np.array([0.299, 0.587, 0.114])


def _sentence(e):
    """Class, probabilities and layer in one line."""
    layers = ", ".join(dict.fromkeys(c.original.layer for c in e.cells))
    sentence = f"{e.label} ({e.target}), layer {layers}, $y_c$ = {e.y[e.target]:.4f}"
    if e.y_altered is not None:
        sentence += f" original, {e.y_altered[e.target]:.4f} altered; max $|y'-y|$ = {e.max_change:.1e}"
    return sentence
