"""`tinyattr explain | demo | play`: heatmaps of pictures."""

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
    option("--receipts", action="store_true", help="print what every map should sum to, and does"),
    option("--curves", action="store_true", help="judge every map: areas under insertion and deletion of its pixels"),
    option("--K", type=float, help="strength of the attack; default: 10"),
    option("--tap", metavar="LAYER", help="layer that the attack reads; default: the explained layer"),
    option("--at", type=int, nargs=2, metavar=("I", "J"), help="place that the attack reads; default: 0 0"),
)


@command("explain", "photo.jpg --net vgg19.h5 --altered --out photo.png",
         option("images", metavar="IMAGE", nargs="*", help="JPEG or PNG files, or folders of them; default: a scene of "
                "our own, two glyphs"),
         option("--altered", action="store_true", help="next to it, the network with t = K sum_k A_ijk added to every "
                "logit"), *EXPLAIN,
         option("--out", metavar="FILE", dest="place", help="figure to write; default: explain.png. For several "
                "pictures the folder of all figures and numbers, where nothing is overwritten; default: explained"))
def run_explain(options):
    """Heatmaps of one picture or several, by method and score."""
    if len(options.images) > 1 or any(map(os.path.isdir, options.images)):
        explain_all(options)
        return
    (options.image,) = options.images or [None]
    options.figure = "explain.png" if options.place is None else options.place
    explain_one(options)


@command("demo", "--out demo.png --json demo.json", *EXPLAIN, *shared("--out"), image=None, altered=True,
         figure="demo.png")
def run_demo(options):
    """The main job on a scene of our own, original and altered network."""
    explain_one(options)


def explain_one(options):
    """One picture: its table, and the files that the options name."""
    check(options)
    net, x = load(options)
    found, files = explained(options, net, x)
    receipts = ["", found.receipts()] if options.receipts else []
    print(f"picture  {shown(options)}", found.table(), *receipts, "", *files, sep="\n")


def explain_all(options):
    """Several pictures: for each a figure and a file of numbers in one folder; a table says what was found."""
    if options.json is not None or options.receipts:
        raise InputError("--json and --receipts are for one picture; of several, all numbers are written into the "
                         "folder that --out names")
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
    """The options for one of several pictures, whose files go into a folder, named after it."""
    figure, numbers = (folder / f"{Path(image).name}{ending}" for ending in (".png", ".json"))
    return Namespace(**{**vars(options), "image": str(image), "figure": figure, "json": numbers})


def all_new(paths):
    """Raise InputError unless none of the files exists, none is named twice, and their folder can be made."""
    for path in paths:
        if paths.count(path) > 1:
            raise InputError(f"two pictures would be written to {str(path)!r}; explain them one after the other")
        if path.exists():
            raise InputError(f"{str(path)!r} is there already and is not overwritten; name another folder with --out")
        if path.parent.exists() and not path.parent.is_dir():
            raise InputError(f"{str(path.parent)!r} is a file; --out names a folder for several pictures")
        if not path.parent.parent.is_dir():
            raise InputError(f"no folder {str(path.parent.parent)!r} to make {path.parent.name!r} in")


def explained(options, net, x):
    """(Explanation of one picture, lines that say where its files are)."""
    if not options.altered and (options.K, options.tap, options.at) != (None, None, None):
        raise InputError("--K, --tap and --at describe the attack; give --altered, too")
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
    """What the picture is called. Its name is bytes to the system, whatever alphabet the locale has."""
    name = Path(options.image or "").name
    return os.fsencode(name).decode("utf-8", "replace") if name else "a scene of our own"


@command("play", "--browser", *shared("image --net --family"),
         option("--browser", action="store_true", help="in a web browser instead of a window"),
         option("--port", type=int, default=8988, help="of the browser's page; default: %(default)s"),
         figure("only draw how it starts"), window=True)
def run_play(options):
    """One figure to play with: class, score, method, layer, attack."""
    try:
        from tinyattr.studies.playground import Playground, play, serve
    except ValueError:  # what matplotlib says of such a name
        raise InputError(f"MPLBACKEND={os.environ.get('MPLBACKEND')} names no window that is installed here; unset it, "
                         "or try --browser") from None
    net, x = load(options)
    if options.browser:
        serve(net, x, options.port)
    elif options.figure is None:
        play(net, x)
    else:
        tell(options, f"network  {net.name}", figure=lambda draw: Playground(net, x).figure)
