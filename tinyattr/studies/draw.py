"""Draw all figures. A figure names method, score, layer and class. Colour-blind readers can tell its colours apart."""

import re
import textwrap
import warnings
from io import BytesIO

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from tinyattr.errors import InputError
from tinyattr.files.atomic import atomic, writable
from tinyattr.nets.pictures import GREY

POSITIVE = "inferno"  # colours of maps in [0, 1]: a larger number is lighter, so nobody needs to tell hues apart
SIGNED = "PuOr_r"  # purple below 0, orange above: different with every kind of colour vision
BRIGHTEST = 99.5  # colours end at this percentile of a pixel map; otherwise a few pixels would make all others black
FORMULAS = {"pre": "$z_c$", "post": "$y_c$", "log": r"$\log y_c$", "log_odds": r"$\log(y_c/(1-y_c))$",
            "centred": r"$z_c-\bar{z}$", "margin": r"$z_c-z_r$"}
LINES = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#999999"  # Okabe and Ito's blue, orange, green, pink; grey
OUTLINES = "white", "#56B4E9", "#009E73"  # light colours, visible on dark maps
VERDICTS = {"immune": "#4477aa", "moved": "#ddcc77", "hijacked": "#cc3311"}  # blue, sand, red: Paul Tol's safe colours
BOARD = {  # {label in the board's figure: (network, scores, of which each method has one)}
    "log_odds, original and altered": ("any", ("log_odds", "any")),
    **{f"pre, {network}": (network, ("pre", "post", "any")) for network in ("original", "corner", "quadratic")},
}
FORMATS = ("png", "pdf", "svg", "jpg", "jpeg", "tif", "tiff", "webp")
DPI = 200  # pixels for each inch of a figure in a file: sharp on a projector
BLOCK = 12  # methods in one block; a page with more methods has two blocks


def side_by_side(explanation, title=""):
    """Draw image, heatmap and overlay for each score, original and altered, as in Lerma & Lucas 2023b, Figures 3-5.

    There is one row of images, and a row of heatmaps and of overlays for each method. Returns a matplotlib Figure.
    """
    columns = _columns(explanation)
    first = next(iter(columns.values()))
    rows = ["image", *(f"{h.method}\n{what}\n{h.layer}" for h in first for what in ("map", "overlay"))]
    names = ["\n".join([score, FORMULAS.get(score, ""), network]) for score, network in columns]
    figure, axes = _table(rows, names, first[0].size, [title, *explanation.sentences()], side=1.5, letters=9,
                          group=len({network for _, network in columns}))
    picture, grey = first[0].picture, _grey(first[0])
    for (image, *others), heatmaps in zip(axes.T, columns.values(), strict=True):
        image.imshow(grey if picture is None else picture, cmap="gray", vmin=0, vmax=255)
        for heatmap, plain, over in zip(heatmaps, others[::2], others[1::2], strict=True):
            draw_map(plain, heatmap)
            draw_overlay(over, heatmap, grey)
    return figure


def page(explanation, title=""):
    """Draw all methods (rows) and all scores (columns), original next to altered, on one page.

    Maps of a layer are drawn over the picture. Maps of pixels are drawn alone, and signed maps are centred at zero.
    If there are many methods, they stand in two blocks. Returns a matplotlib Figure.
    """
    columns = _columns(explanation)
    heatmaps = list(zip(*columns.values(), strict=True))
    rows = [f"{row[0].method}\n({row[0].layer})" for row in heatmaps]
    return _overlays(rows, list(map("\n".join, columns)), heatmaps, [title, *explanation.sentences()], side=0.8,
                     letters=7, group=len({network for _, network in columns}), blocks=1 if len(rows) <= BLOCK else 2)


def grid(rows, columns, heatmaps, title=""):
    """Draw overlays of heatmaps[row][column] with the names of rows and columns. Returns a matplotlib Figure."""
    names = [f"{name}\n{row[0].layer}" for name, row in zip(rows, heatmaps, strict=True)]
    return _overlays(names, columns, heatmaps, [title], side=1.5, letters=9)


def outlined(rows, columns, heatmaps, masks, title=""):
    """Draw the places of heatmaps[row][column] without interpolation, and the outlines of objects.

    Colours show the square root of the map's positive part, so that weak places are visible next to strong ones. masks:
    one (H, W) for each object. Returns a matplotlib Figure.
    """
    names = [f"{name}\n{row[0].layer}" for name, row in zip(rows, heatmaps, strict=True)]
    sentences = [f"{title}.", "Colours: the square root of the map. Outlines: the objects"]
    H, W = heatmaps[0][0].size
    figure, axes = _table(names, columns, (H, W), sentences, side=1.8, letters=10)
    for ax, heatmap in zip(axes.flat, (heatmap for row in heatmaps for heatmap in row), strict=True):
        L = np.maximum(heatmap.raw, 0)
        ax.imshow(np.sqrt(L / (L.max() or 1)), cmap=POSITIVE, vmin=0, vmax=1, extent=(0, W, H, 0))
        for mask, colour in zip(masks, OUTLINES, strict=False):
            ax.contour(mask, [0.5], colors=colour, linewidths=1.3)
    return figure


def _columns(explanation):
    """Return {(score, network): its heatmaps, one for each method}, with original next to altered."""
    networks = ["original"] if explanation.attack is None else ["original", "altered"]
    scores = dict.fromkeys(cell.score for cell in explanation.cells)
    return {(score, network): [getattr(cell, network) for cell in explanation.cells if cell.score == score]
            for score in scores for network in networks}


def _overlays(rows, columns, heatmaps, sentences, **layout):
    """Draw heatmaps[row][column], each over its picture as `draw_small` does."""
    figure, axes = _table(rows, columns, heatmaps[0][0].size, sentences, **layout)
    grey = _grey(heatmaps[0][0])
    for ax, heatmap in zip(axes.flat, (heatmap for row in heatmaps for heatmap in row), strict=True):
        draw_small(ax, heatmap, grey)
    return figure


def _table(rows, columns, size, sentences, side, letters, group=None, blocks=1):
    """Return a figure and its axes (rows, columns) for pictures of `size`, with names on the left and above.

    side: side of a square picture in inches; letters: size in points; group: number of columns before a gap, default
    no gap; blocks: number of blocks, next to each other, that share the rows.
    """
    H, W = size
    scale = max(side / np.sqrt(H * W), 0.75 * side / W, 0.5 / H)  # wide and high enough for the names
    rows, columns = _wrapped(rows, 22), _wrapped(columns, int(126 * scale * W / letters))
    down, group = -(-len(rows) // blocks), group or len(columns)
    left = letters / 120 * max(len(line) for row in rows for line in row.split("\n"))
    above = letters / 55 * max(column.count("\n") + 1 for column in columns)
    width = left + (scale * W + 0.06 + 0.2 / group) * len(columns)
    figure = empty(blocks * width, above + (scale * H + 0.06) * down, sentences, "compressed")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    axes = figure.subplots(down, blocks * len(columns), squeeze=False)
    axes = np.concatenate(np.split(axes, blocks, axis=1))
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    for ax in axes[::down, ::group].flat:
        ax.set_ylabel(" ")  # a blank name keeps room for the gap
    for ax, row in zip(axes[:, 0], rows, strict=False):
        ax.set_ylabel(row, rotation=0, ha="right", va="center", fontsize=letters)
    for ax, column in zip(axes[::down].flat, columns * blocks, strict=True):
        ax.set_title(column, fontsize=letters)
    for ax in axes[len(rows):].flat:
        ax.remove()
    return figure, axes[:len(rows)]


def _wrapped(names, characters):
    """Return the names with lines of at most this number of characters. A formula counts as one word."""
    return ["\n".join(part for line in name.split("\n") for part in textwrap.wrap(line, characters,
                      break_long_words=False)) for name in names]


def empty(width, height, sentences, layout="constrained"):
    """Return an empty figure; width and height (without title) in inches. Each sentence of the title is a line."""
    width = max(width, 4.5)
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, int(12 * width))]
    figure = Figure(figsize=(width, height + 0.17 * len(lines) + 0.1), layout=layout)
    figure.suptitle("\n".join(lines), fontsize=10, parse_math=False)
    return figure


def verdicts(audit, title=""):
    """Draw the table of an audit: rows are methods, columns are scores, one block for each attack.

    Colour and letter show the verdict. The number is the mean Pearson correlation of original and altered maps as
    displayed. Returns a matplotlib Figure.
    """
    cells = audit.cells()
    methods, scores, attacks = (list(dict.fromkeys(key[i] for key in cells)) for i in range(3))
    figure = empty(1.5 + 0.62 * len(scores) * len(attacks), 0.8 + 0.22 * len(methods),
                     [f"{title}, K = {audit.K:g}: the same t(x) added to every logit"])
    for ax, attack in zip(figure.subplots(1, len(attacks), sharey=True, squeeze=False)[0], attacks, strict=True):
        colours = np.full((len(methods), len(scores)), np.nan)
        for m, s in np.ndindex(colours.shape):
            cell = cells.get((methods[m], scores[s], attack))
            if cell is not None:
                colours[m, s] = list(VERDICTS).index(cell["verdict"])
                number = "" if cell["pearson"] is None else f" {cell['pearson']:.2f}"
                ax.text(s + 0.5, m + 0.5, f"{cell['verdict'][0]}{number}", ha="center", va="center", fontsize=7.5,
                        color="black" if cell["verdict"] == "moved" else "white")
        ax.pcolormesh(colours, cmap=ListedColormap(VERDICTS.values()), vmin=-0.5, vmax=2.5, edgecolors="white", lw=1)
        ax.set_title(f"attack {attack}", fontsize=9)
        ax.set_xticks(np.arange(len(scores)) + 0.5, scores, fontsize=7.5)
        ax.set_yticks(np.arange(len(methods)) + 0.5, methods, fontsize=8)
        ax.tick_params(length=0, top=True, labeltop=True, labelbottom=False)
        ax.spines[:].set_visible(False)
    ax.invert_yaxis()
    figure.supxlabel("i immune   m moved   h hijacked; number: correlation of original and altered map", fontsize=8)
    return figure


def board(measured):
    """Draw the board (`evaluate`), a line for each method: does its map find the right glyph of two, follow the class?

    Each of four scores and networks has a mark, with its own shape and Okabe and Ito's colours, and a 95 % interval. A
    method with a single score has one mark. Dotted lines: random numbers. Returns a Figure.
    """
    rows = {(row["method"], score, network): row for row in measured.rows() for score in row["scores"].split(", ")
            for network in row["networks"].split(", ")}
    chance, settings = rows["random numbers", "any", "any"], measured.settings
    methods = [m for m in dict.fromkeys(method for method, _, _ in rows) if m in settings["methods"]]
    figure = empty(10, 1.3 + 0.24 * len(methods), [
        f"Which map is right? {measured.network}, layer {settings['layer']}, {len(measured.scenes)} scenes, "
        f"K = {settings['K']:g}"])
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (key, title) in zip(axes, {"peak of two": "peak on the explained one of two glyphs",
                                       "follows": "map follows the class (0: it does not)"}.items(), strict=True):
        for n, (label, (network, scores)) in enumerate(BOARD.items()):
            shown = {methods.index(m) + 0.16 * (n - 1.5): row[key] for (m, s, w), row in rows.items()
                     if m in methods and s in scores and w == network and row[key]}
            mean, low, high = np.transpose([*shown.values()]) if shown else np.zeros((3, 0))
            ax.errorbar(mean, [*shown], xerr=np.maximum([mean - low, high - mean], 0), color=LINES[n], fmt="oDs^"[n],
                        label=label, ms=5, elinewidth=1)
        if chance[key]:
            ax.axvline(chance[key][0], color=LINES[4], ls=":", lw=1.5)
        ax.set_title(title, fontsize=10)
        ax.locator_params(axis="x", nbins=6)
        ax.grid(alpha=0.3)
    ax.set_yticks(range(len(methods)), methods, fontsize=9)
    ax.set_ylim(len(methods) - 0.4, -0.6)
    figure.legend(*ax.get_legend_handles_labels(), fontsize=9, loc="outside lower center", ncols=4)
    return figure


def draw_small(ax, heatmap, grey):
    """Draw an overlay. A map of single pixels is drawn alone, and centred at zero if it has both signs."""
    if heatmap.plane.shape != heatmap.size:
        draw_overlay(ax, heatmap, grey)
    elif heatmap.plane.min() < 0 < heatmap.plane.max():
        limit = brightest(np.abs(heatmap.plane))
        ax.imshow(heatmap.plane / limit, cmap=SIGNED, vmin=-1, vmax=1)
    else:
        draw_map(ax, heatmap)


def coloured(heatmap, grey):
    """Return what `draw_small` draws as a picture (H, W, 3) uint8, for figures that change."""
    if heatmap.plane.shape == heatmap.size and heatmap.plane.min() < 0 < heatmap.plane.max():
        colours = colormaps[SIGNED](heatmap.plane / brightest(np.abs(heatmap.plane)) / 2 + 0.5)[..., :3]
    else:
        strength = shown(heatmap)
        colours = colormaps[POSITIVE](strength)[..., :3]
        if heatmap.plane.shape != heatmap.size:
            alpha = (0.25 + 0.5 * strength)[..., None]
            colours = alpha * colours + (1 - alpha) * grey[..., None] / 255
    return np.rint(255 * colours).astype(np.uint8)


def shown(heatmap):
    """Return heatmap.map as colours show it, in [0, 1]; maps of single pixels are cut at BRIGHTEST."""
    if heatmap.plane.shape != heatmap.size or heatmap.note:
        return heatmap.map
    return np.minimum(np.maximum(heatmap.plane, 0) / brightest(np.maximum(heatmap.plane, 0)), 1)


def brightest(magnitudes):
    """Return the percentile BRIGHTEST of the values, or the largest value if this is 0."""
    return np.percentile(magnitudes, BRIGHTEST) or magnitudes.max() or 1.0


def draw_overlay(ax, heatmap, grey):
    """Draw the map over the picture in grey; strong places hide the picture. Returns the map's image."""
    ax.imshow(grey, cmap="gray", vmin=0, vmax=255)
    return draw_map(ax, heatmap, alpha=0.25 + 0.5 * shown(heatmap))


def draw_map(ax, heatmap, alpha=None):
    """Draw the map's positive part; on an empty map, write why it is empty. Returns the image."""
    ax.text(0.5, 0.5, textwrap.fill(heatmap.note, 12), transform=ax.transAxes, color="white", fontsize=6.5, ha="center",
            va="center")
    return ax.imshow(shown(heatmap), cmap=POSITIVE, vmin=0, vmax=1, alpha=alpha)


def save_heatmap(heatmap, path):
    """Draw one map over its picture, with caption and colour scale, into an image file."""
    save_figure(_alone(heatmap), path)


def heatmap_png(heatmap):
    """Return the figure of `save_heatmap` as the bytes of a PNG file."""
    written = BytesIO()
    _write(_alone(heatmap), written, "png")
    return written.getvalue()


def _alone(heatmap):
    figure, ((ax,),) = _table([""], [""], heatmap.size, [heatmap.caption], side=3.8, letters=9)
    figure.colorbar(draw_overlay(ax, heatmap, _grey(heatmap)), ax=ax)
    return figure


def save_figure(figure, path):
    """Write a figure. The file appears complete or not at all. Raises InputError as `drawable` does."""
    with atomic(drawable(path)) as temporary:
        _write(figure, temporary, temporary.suffix[1:].lower())


def _write(figure, file, ending):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # letters that the font does not have become boxes
        words = {"Description": titles(figure)} if ending == "png" else None
        figure.savefig(file, format=ending, dpi=DPI, metadata=words)


def titles(figure):
    """Return the titles of a figure and of its axes in one line, as a text for pages without pictures."""
    found = [figure.get_suptitle(), *(ax.get_title() for ax in figure.axes)]
    return "; ".join(" ".join(re.sub(r"[$\\{}]", "", text).split()) for text in dict.fromkeys(found) if text)


def drawable(path):
    """Return `path` if it can be written and its ending is in FORMATS, else raise InputError."""
    path = writable(path)
    if path.suffix[1:].lower() not in FORMATS:
        raise InputError(f"{path.name!r} has the ending {path.suffix!r}; figures are written as {', '.join(FORMATS)}")
    return path


def _grey(heatmap):
    """Return the picture in grey, or plain grey if the network does not say how photos are preprocessed."""
    return np.full(heatmap.size, 128.0) if heatmap.picture is None else in_grey(heatmap.picture)


def in_grey(picture):
    """Return the lightness of a picture (H, W, 3), 0..255, by ITU-R BT.601."""
    return picture @ GREY
