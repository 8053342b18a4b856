"""`tinyattr explain | demo | play`: commands that compute heatmaps of pictures."""

import os
from argparse import Namespace
from pathlib import Path

import tinyattr as ta
from tinyattr.cli.command import command, figure, option, several
from tinyattr.cli.options import chosen
from tinyattr.cli.outputs import check, tell, written
from tinyattr.cli.shared import load, network, shared
from tinyattr.errors import InputError, named
from tinyattr.files.tables import aligned
from tinyattr.studies.explain import FOUR_SCORES, TWO_METHODS, explain
from tinyattr.studies.samples import pictures_in

EXPLAIN = (
    *shared("--net --family --target --layer --option --json"),
    several("--score", "S", ta.SCORES, FOUR_SCORES), several("--method", "M", ["all", *ta.METHODS], TWO_METHODS),
    option("--receipts", action="store_true",
           help="print the check sum of every map: what the map must add up to, and what it adds up to"),
    option("--curves", action="store_true",
           help="measure every map by its insertion and deletion curves (the area under each)"),
    option("--K", type=float, help="strength of the attack; default: 10"),
    option("--tap", metavar="LAYER", help="layer that the attack reads; default: the explained layer"),
    option("--at", type=int, nargs=2, metavar=("I", "J"),
           help="place (row, column) that the attack reads; default: 0 0"),
)


@command("explain", "photo.jpg --net vgg19.h5 --altered --out photo.png",
         option("images", metavar="IMAGE", nargs="*", help="JPEG or PNG files, or folders of them; default: a drawn "
                "scene of two glyphs"),
         option("--altered", action="store_true", help="also explain the altered network, where t = K sum_k A_ijk "
                "is added to every logit"), *EXPLAIN,
         option("--out", metavar="FILE", dest="place", help="figure to write (default: explain.png). For several "
                "pictures: folder for all figures and numbers (default: explained); no file is overwritten"))
def run_explain(options):
    """Compute heatmaps of one picture or several, for each method and score."""
    if len(options.images) > 1 or any(map(os.path.isdir, options.images)):
        explain_all(options)
        return
    (options.image,) = options.images or [None]
    options.figure = "explain.png" if options.place is None else options.place
    explain_one(options)


@command("demo", "--out demo.png --json demo.json", *EXPLAIN, *shared("--out"), image=None, altered=True,
         figure="demo.png")
def run_demo(options):
    """Explain a drawn scene with the original and with the altered network."""
    explain_one(options)


def explain_one(options):
    """Explain one picture: print its table, and write the files that the options name."""
    check(options)
    net, x = load(options)
    found, files = explained(options, net, x)
    receipts = ["", found.receipts()] if options.receipts else []
    print(f"picture  {shown(options)}", found.table(), *receipts, "", *files, sep="\n")


def explain_all(options):
    """Explain several pictures: write a figure and a file of numbers for each into one folder, and print a table."""
    if options.json is not None or options.receipts:
        raise InputError("--json and --receipts are for one picture; with several pictures, all numbers are written "
                         "into the folder that --out names")
    images = [file for image in options.images for file in (pictures_in(image) if os.path.isdir(image) else [image])]
    jobs = {str(image): into(Path(options.place or "explained"), image, options) for image in images}
    all_new([path for job in jobs.values() for path in (job.figure, job.json)])
    net, rows, unread = network(options, photo=True), [], []
    for image, job in jobs.items():
        try:
            x = net.read(image)
        except InputError as error:
            unread.append(image)
            rows.append([image, "", "", str(error)])
            continue
        job.figure.parent.mkdir(exist_ok=True)
        job.net = options.net
        found, _ = explained(job, net, x)
        rows.append([image, found.label, f"{found.y[found.target]:.6g}", str(job.figure)])
    print(aligned(["picture", "class", "y_c", "figure"], rows))
    if unread:
        raise InputError(f"{len(unread)} of {len(images)} pictures could not be read: {', '.join(unread)}")


def into(folder, image, options):
    """Return the options for one of several pictures. Its files go into `folder` and are named after the picture."""
    figure, numbers = (folder / f"{Path(image).name}{ending}" for ending in (".png", ".json"))
    return Namespace(**{**vars(options), "image": str(image), "figure": figure, "json": numbers})


def all_new(paths):
    """Raise InputError unless none of the files exists, none is named twice, and their folder can be made."""
    for path in paths:
        if paths.count(path) > 1:
            raise InputError(f"two pictures would be written to {str(path)!r}; explain them one after the other")
        if path.exists():
            raise InputError(f"{str(path)!r} exists already and is not overwritten; name another folder with --out")
        if path.parent.exists() and not path.parent.is_dir():
            raise InputError(f"{str(path.parent)!r} is a file; --out names a folder for several pictures")
        if not path.parent.parent.is_dir():
            raise InputError(f"{path.parent.name!r} cannot be made: there is no folder {str(path.parent.parent)!r}")


def explained(options, net, x):
    """Return (Explanation of one picture, lines that say where its files are)."""
    if not options.altered and (options.K, options.tap, options.at) != (None, None, None):
        raise InputError("--K, --tap and --at describe the attack; give --altered too")
    K = 10.0 if options.altered and options.K is None else options.K
    methods = [named("method", method, ["all", *ta.METHODS]) for method in options.method]
    methods = list(ta.METHODS) if "all" in methods else methods
    found = explain(net, x, options.target, scores=options.score, methods=options.method, layer=options.layer, K=K,
                    tap=options.tap, at=options.at or (0, 0), options=chosen(options.option, methods),
                    curves=options.curves)
    picture = shown(options)
    return found, written(
        options, {"picture": options.image or picture, "weights": options.net, **found.numbers()},
        lambda draw: (draw.side_by_side if len(methods) <= 4 else draw.page)(found, f"{picture}, {net.name}"))


def shown(options):
    """Return the name of the picture as text. To the system a name is bytes, which need not be text in UTF-8."""
    name = Path(options.image or "").name
    return os.fsencode(name).decode("utf-8", "replace") if name else "a drawn scene of two glyphs"


@command("play", "--browser", *shared("image --net --family"),
         option("--browser", action="store_true", help="open a web browser instead of a window"),
         option("--port", type=int, default=8988, help="port of the browser's page; default: %(default)s"),
         figure("figure to write: only draw the starting figure, open no window"), window=True)
def run_play(options):
    """Open a figure with controls for class, score, method, layer and attack."""
    try:
        from tinyattr.studies.playground import Playground, play, serve
    except ValueError:  # matplotlib raises it for a name that it does not know
        raise InputError(f"MPLBACKEND={os.environ.get('MPLBACKEND')} names no window that is installed here; unset it, "
                         "or try --browser") from None
    net, x = load(options)
    if options.browser:
        serve(net, x, options.port)
    elif options.figure is None:
        play(net, x)
    else:
        tell(options, f"network  {net.name}", figure=lambda draw: Playground(net, x).figure)
