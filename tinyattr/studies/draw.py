"""Every figure. Each names method, score, layer and class; its colours are safe for colour-blind readers."""

import re
import textwrap
import warnings

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tinyattr.errors import InputError
from tinyattr.files.atomic import atomic, writable

POSITIVE = "inferno"  # maps in [0, 1]: ordered by lightness alone, so no hue need be told from another
SIGNED = "PuOr_r"  # purple below 0, orange above: told apart with every kind of colour vision
BRIGHTEST = 99.5  # per cent of a pixel map's values that colours resolve: a few pixels would leave all others black
SCORE_TITLES = {
    "pre": "pre:  $z_c$", "post": "post:  $y_c$", "log": r"log:  $\log y_c$",
    "log_odds": r"log_odds:  $\log(y_c/(1-y_c))$", "centred": r"centred:  $z_c-\bar z$",
    "margin": r"margin:  $z_c-z_r$",
}
LINES = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#999999"  # Okabe and Ito's blue, orange, green, pink; grey
OURS, BEST, DOCUMENTED = LINES[0], LINES[1], LINES[4]
FORMATS = ("png", "pdf", "svg", "jpg", "jpeg", "tif", "tiff", "webp")
CELL, LEFT, TOP, BOTTOM = 1.55, 0.95, 0.5, 0.4  # inches: a picture's width, and margins
LINE = 0.17  # height of a line of the title


def side_by_side(explanation, title=""):
    """The layout of Lerma & Lucas 2023b, Figures 3-5: image, heatmap, overlay; by score, original and altered.

    The image row stands once, heatmap and overlay for every method. Returns a matplotlib Figure.
    """
    cells = explanation.cells
    methods = list(dict.fromkeys(c.method for c in cells))
    scores = list(dict.fromkeys(c.score for c in cells))
    networks = ["original"] if explanation.attack is None else ["original", "altered"]
    rows = 1 + 2 * len(methods)
    H, W = cells[0].original.size
    width = max(CELL * len(scores) * len(networks) + LEFT, 4.5)
    lines = _wrapped([title, *explanation.sentences()], width)
    top = TOP + LINE * len(lines)
    height = CELL * max(H / W, 0.25) * rows + top + BOTTOM
    figure = Figure(figsize=(width, height), dpi=120)
    groups = figure.add_gridspec(1, len(scores), wspace=0.06, left=LEFT / width, right=0.99,
                                 bottom=BOTTOM / height, top=1 - top / height)
    for s, score in enumerate(scores):
        grid = groups[s].subgridspec(rows, len(networks), wspace=0.03, hspace=0.03)
        for n, name in enumerate(networks):
            axes = [figure.add_subplot(grid[r, n]) for r in range(rows)]
            found = {c.method: getattr(c, name) for c in cells if c.score == score}
            _draw_column(axes, [found[m] for m in methods])
            if len(networks) > 1:
                axes[-1].set_xlabel(name, fontsize=9)
            if s == n == 0:
                labels = ["image"] + [f"{found[m].method} {what}\n{found[m].layer}"
                                      for m in methods for what in ("map", "overlay")]
                for ax, label in zip(axes, labels, strict=True):
                    ax.set_ylabel(label, fontsize=7.5)
        box = groups[s].get_position(figure)
        figure.text((box.x0 + box.x1) / 2, box.y1 + 0.06 / height, SCORE_TITLES.get(score, score),
                    ha="center", va="bottom", fontsize=10)
    figure.suptitle("\n".join(lines), fontsize=10, y=1 - 0.08 / height, va="top", parse_math=False)
    return figure


def page(explanation, title=""):
    """All methods (rows) by all scores (columns), original and altered beside each other, on one page.

    Maps of a layer lie over the picture; maps of the picture's pixels stand alone, those with a sign centred at zero.
    More than twelve methods stand in two blocks. Returns a matplotlib Figure.
    """
    cells = {(c.method, c.score): c for c in explanation.cells}
    methods, scores = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    networks = ["original"] if explanation.attack is None else ["original", "altered"]
    blocks = [methods] if len(methods) <= 12 else [methods[:-(-len(methods) // 2)], methods[-(-len(methods) // 2):]]
    H, W = explanation.cells[0].original.size
    side, label = 0.8, 1.35  # inches: a picture's width, and that of a method's name
    block_width = label + side * len(scores) * len(networks)
    width = max(block_width * len(blocks) + 0.1, 5)
    lines = _wrapped([title, *explanation.sentences()], width)
    top = LINE * len(lines) + 0.55
    height = side * H / W * len(blocks[0]) + top + 0.1
    figure = Figure(figsize=(width, height), dpi=120)
    grey = _grey(explanation.cells[0].original)
    for b, block in enumerate(blocks):
        left = b * block_width
        for s, score in enumerate(scores):
            for n, network in enumerate(networks):
                x = left + label + side * (s * len(networks) + n)
                figure.text((x + side / 2) / width, 1 - (top - 0.04) / height, network, ha="center", va="bottom",
                            fontsize=6.5)
                for m, method in enumerate(block):
                    y = height - top - side * H / W * (m + 1)
                    ax = figure.add_axes((x / width, y / height, 0.97 * side / width, 0.97 * side * H / W / height))
                    draw_small(ax, getattr(cells[method, score], network), grey)
                    ax.set(xticks=[], yticks=[])
            middle = left + label + side * len(networks) * (s + 0.5)
            figure.text(middle / width, 1 - (top - 0.2) / height, score, ha="center", va="bottom", fontsize=8.5)
        for m, method in enumerate(block):
            heatmap = cells[method, scores[0]].original
            figure.text((left + label - 0.06) / width, 1 - (top + side * H / W * (m + 0.5)) / height,
                        "\n".join([*textwrap.wrap(heatmap.method, 20), f"({heatmap.layer})"]), ha="right", va="center",
                        fontsize=6.5)
    figure.suptitle("\n".join(lines), fontsize=9, y=1 - 0.06 / height, va="top", parse_math=False)
    return figure


def _draw_column(axes, heatmaps):
    """Image on top, then map and overlay of each method."""
    grey = _grey(heatmaps[0])
    picture = heatmaps[0].picture
    axes[0].imshow(grey if picture is None else picture, cmap="gray", vmin=0, vmax=255)
    for heatmap, plain, over in zip(heatmaps, axes[1::2], axes[2::2], strict=True):
        plain.imshow(shown(heatmap), cmap=POSITIVE, vmin=0, vmax=1)
        draw_overlay(over, heatmap, grey)
        if heatmap.note:
            plain.text(0.5, 0.5, heatmap.note.replace(" for ", "\nfor "), transform=plain.transAxes,
                       color="white", fontsize=7, ha="center", va="center")
    for ax in axes:
        ax.set(xticks=[], yticks=[])


def grid(rows, columns, heatmaps, title=""):
    """Overlays of heatmaps[row][column], with the names of rows and columns. Returns a matplotlib Figure."""
    H, W = heatmaps[0][0].size
    side, left = 1.5, 1.2
    width = left + side * len(columns) + 0.1
    lines = _wrapped([title], width)
    top = LINE * len(lines) + 0.3
    height = top + side * H / W * len(rows) + 0.1
    figure = Figure(figsize=(width, height), dpi=120)
    grey = _grey(heatmaps[0][0])
    for r, (name, row) in enumerate(zip(rows, heatmaps, strict=True)):
        for c, (column, heatmap) in enumerate(zip(columns, row, strict=True)):
            bottom = height - top - side * H / W * (r + 1)
            ax = figure.add_axes(((left + side * c) / width, bottom / height, 0.97 * side / width,
                                  0.97 * side * H / W / height))
            draw_small(ax, heatmap, grey)
            ax.set(xticks=[], yticks=[])
            if heatmap.note:
                ax.set_xlabel(heatmap.note, fontsize=6)
            if r == 0:
                ax.set_title(column, fontsize=8)
            if c == 0:
                ax.set_ylabel(f"{name}\n{heatmap.layer}", fontsize=8)
    figure.suptitle("\n".join(lines), fontsize=9, y=1 - 0.06 / height, va="top", parse_math=False)
    return figure


VERDICTS = {"immune": "#4477aa", "moved": "#ddcc77", "hijacked": "#cc3311"}  # blue, sand, red: Paul Tol's safe colours


def verdicts(audit, title=""):
    """The table of an audit: methods down, scores across, an attack a block; colour and letter say the verdict.

    The number is the mean Pearson correlation of the original and the altered shown map. Returns a matplotlib Figure.
    """
    cells = audit.cells()
    methods, scores, attacks = (list(dict.fromkeys(key[i] for key in cells)) for i in range(3))
    left, row, column, top = 2.0, 0.2, 0.62, 0.95
    width = left + (column * len(scores) + 0.15) * len(attacks) + 0.1
    height = top + row * len(methods) + 0.4
    figure = Figure(figsize=(width, height), dpi=120)
    for a, attack in enumerate(attacks):
        x = left + (column * len(scores) + 0.15) * a
        ax = figure.add_axes((x / width, 0.35 / height, column * len(scores) / width, row * len(methods) / height))
        ax.set(xlim=(0, len(scores)), ylim=(len(methods), 0), yticks=[])
        ax.set_xticks(np.arange(len(scores)) + 0.5, scores, fontsize=7, rotation=0)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.set_title(f"attack {attack}", fontsize=9)
        for m, method in enumerate(methods):
            if a == 0:
                ax.text(-0.1, m + 0.5, method, ha="right", va="center", fontsize=7)
            for s, score in enumerate(scores):
                cell = cells.get((method, score, attack))
                if cell is not None:
                    ax.add_patch(Rectangle((s + 0.02, m + 0.04), 0.96, 0.92, color=VERDICTS[cell["verdict"]]))
                    number = "" if cell["pearson"] is None else f" {cell['pearson']:.2f}"
                    ax.text(s + 0.5, m + 0.5, f"{cell['verdict'][0]}{number}", ha="center", va="center", fontsize=6.5,
                            color="black" if cell["verdict"] == "moved" else "white")
        for side in ax.spines.values():
            side.set_visible(False)
    figure.text(0.02, 0.1 / height, "i immune   m moved   h hijacked; number: correlation of original and altered map",
                fontsize=7)
    figure.suptitle(f"{title}, K = {audit.K:g}: the same t(x) added to every logit", fontsize=9, y=1 - 0.08 / height,
                    va="top", parse_math=False)
    return figure


def draw_small(ax, heatmap, grey):
    """An overlay, or for a map of single pixels the map alone: centred at zero if it has both signs."""
    if heatmap.plane.shape != heatmap.size:
        draw_overlay(ax, heatmap, grey)
    elif heatmap.plane.min() < 0 < heatmap.plane.max():
        limit = brightest(np.abs(heatmap.plane))
        ax.imshow(heatmap.plane / limit, cmap=SIGNED, vmin=-1, vmax=1)
    else:
        ax.imshow(shown(heatmap), cmap=POSITIVE, vmin=0, vmax=1)


def shown(heatmap):
    """heatmap.map as colours show it, in [0, 1]: maps of single pixels up to their BRIGHTEST values."""
    if heatmap.plane.shape != heatmap.size or heatmap.note:
        return heatmap.map
    return np.minimum(np.maximum(heatmap.plane, 0) / brightest(np.maximum(heatmap.plane, 0)), 1)


def brightest(magnitudes):
    """The value that the BRIGHTEST per cent do not exceed; the largest, if that is 0."""
    return np.percentile(magnitudes, BRIGHTEST) or magnitudes.max() or 1.0


def draw_overlay(ax, heatmap, grey):
    """The map over the picture in grey: the stronger, the less of the picture shows through."""
    ax.imshow(grey, cmap="gray", vmin=0, vmax=255)
    colours = shown(heatmap)
    ax.imshow(colours, cmap=POSITIVE, vmin=0, vmax=1, alpha=0.25 + 0.5 * colours)


def save_heatmap(heatmap, path):
    """One map over its picture, caption above, colour scale beside, into an image file."""
    lines = _wrapped([heatmap.caption], 4.4)
    top = 0.12 + LINE * len(lines)
    side = 3.8 * heatmap.size[0] / heatmap.size[1]
    height = side + top + 0.12
    figure = Figure(figsize=(4.6, height), dpi=120)
    ax = figure.add_axes((0.03, 0.12 / height, 3.8 / 4.6, side / height))
    draw_overlay(ax, heatmap, _grey(heatmap))
    ax.set(xticks=[], yticks=[])
    figure.suptitle("\n".join(lines), fontsize=9, y=1 - 0.06 / height, va="top", parse_math=False)
    scale = figure.add_axes((0.87, 0.12 / height, 0.03, side / height))
    scale.imshow(np.linspace(1, 0, 64)[:, None], cmap=POSITIVE, aspect="auto", extent=(0, 1, 0, 1))
    scale.set(xticks=[])
    scale.yaxis.tick_right()
    scale.tick_params(labelsize=7)
    save(figure, path)


def timings(found, title=""):
    """Bars of what every job took, by work: ours, the others in their best way, the others as documented (hatched)."""
    bars = [(t, job) for t in found for job in t.work.jobs]
    lines = _wrapped([title], 8.0)
    top, row = 0.15 + LINE * len(lines), 0.2
    height = top + row * (len(bars) + 1.3 * len(found)) + 0.5
    figure = Figure(figsize=(8.0, height), dpi=120)
    ax = figure.add_axes((0.4, 0.5 / height, 0.52, 1 - (top + 0.5) / height))
    y, ticks, names = 0.0, [], []
    for t in found:
        ax.text(0, y, t.work.title, transform=ax.get_yaxis_transform(), fontsize=8.5, weight="bold", va="center")
        for job in t.work.jobs:
            y += 1
            colour = OURS if job is t.ours else DOCUMENTED if job.documented else BEST
            width = 1e3 * t.median(job)
            ax.barh(y, width, 0.8, color=colour, hatch="//" if job.documented else None, edgecolor="white", linewidth=0)
            ratio = "" if job is t.ours else f"  ({t.ratio(job):.2f} x)"
            ax.text(width, y, f" {width:.{0 if width >= 10 else 1}f}{ratio}", fontsize=7, va="center")
            ticks.append(y)
            names.append(repr(job))
        y += 1.3
    longest = max((1e3 * t.median(job) for t, job in bars), default=1)
    least = min((1e3 * t.median(job) for t, job in bars), default=1)
    ax.set(xscale="log", xlim=(least / 3, longest * 4), ylim=(y, -0.7), xlabel="ms")
    ax.set_yticks(ticks, names, fontsize=7)
    ax.tick_params(axis="x", labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)
    figure.suptitle("\n".join(lines), fontsize=10, y=1 - 0.08 / height, va="top", parse_math=False)
    return figure


def save(figure, path):
    """Write a figure; the file appears whole or not at all. Raises InputError as `drawable` does."""
    with atomic(drawable(path)) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in a script that the font lacks shows as boxes
        words = {"Description": titles(figure)} if temporary.suffix.lower() == ".png" else {}
        figure.savefig(temporary, metadata=words or None)


def titles(figure):
    """The titles of a figure and of its axes, in one line: what a page says in a picture's place."""
    found = [figure.get_suptitle(), *(ax.get_title() for ax in figure.axes)]
    return "; ".join(" ".join(re.sub(r"[$\\{}]", "", text).split()) for text in dict.fromkeys(found) if text)


def drawable(path):
    """`path`, if it can be written and its ending is one of FORMATS. Raises InputError otherwise."""
    path = writable(path)
    if path.suffix[1:].lower() not in FORMATS:
        raise InputError(f"{path.name!r} has the ending {path.suffix!r}; figures are written as {', '.join(FORMATS)}")
    return path


def _grey(heatmap):
    """The picture in grey, or a plain grey where the network does not say how pictures look."""
    return np.full(heatmap.size, 128.0) if heatmap.picture is None else in_grey(heatmap.picture)


def in_grey(picture):
    """The lightness of a picture (H, W, 3), 0..255, by ITU-R BT.601."""
    return picture @ np.array([0.299, 0.587, 0.114])


def _wrapped(sentences, width):
    """Sentences as lines that fit into `width` inches at 10 points."""
    return [line for sentence in sentences if sentence for line in textwrap.wrap(sentence, int(width * 13))]
