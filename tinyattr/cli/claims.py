"""`tinyattr reproduce | paint | sanity`: commands that test claims of papers, and heatmaps."""

import numpy as np

from tinyattr.cli.command import command, figure, one_of, option, several
from tinyattr.cli.outputs import check, tell
from tinyattr.cli.shared import load, network, shared
from tinyattr.errors import InputError
from tinyattr.methods import METHODS
from tinyattr.scores import SCORES
from tinyattr.studies.reproduce import CLAIMS, FIGURES, altered_beside_original, scores_side_by_side
from tinyattr.studies.samples import photo, scenes
from tinyattr.studies.sanity import sanity
from tinyattr.studies.sanity.report import CHECKED

SCENES = 20


@command("reproduce", "fig3 --image soccer_ball.jpg --net vgg19.h5 --target 805 --out fig3.png",
         one_of([*FIGURES, *CLAIMS], "claim", "which",
                "a figure (fig2 of the first paper, fig3 to fig5 of the second), or a claim of another paper"),
         option("--target", help="class to explain in a figure; default: the top class (fig4: the second)"),
         option("--pictures", type=int,
                help=f"number of glyph scenes to measure a claim of another paper on; default: {SCENES}"),
         figure("figure to write; default: WHICH.png"), *shared("--image --net --family --K --layer --json"))
def run_reproduce(options):
    """Reproduce a figure or a claim of a paper: what it says, what we measure, and what follows."""
    options.figure = options.figure or f"{options.which}.png"
    check(options)
    if options.which in FIGURES:
        tell_claims(options, figure_again(options))
    else:
        page = CLAIMS[options.which]
        print(*(line.removeprefix("    ") for line in (page.__doc__ or "").splitlines()), sep="\n")
        tell_claims(options, claim_again(options, page))


def figure_again(options):
    """Compute one of the papers' figures for one picture."""
    if options.pictures is not None:
        raise InputError(f"{options.which} is about one picture; --pictures is for {', '.join(CLAIMS)}")
    net, x = load(options, scenes(1, 2)[0].pixels if options.which == "fig5" else None)
    if options.which == "fig2":
        return scores_side_by_side(net, x, options.target, options.layer)
    target, other = options.target, None
    if options.which == "fig4":
        other, second = np.argsort(-net(x)[0])[:2].tolist()
        target = second if target is None else target
    return altered_beside_original(net, x, target, other, options.K, options.layer,
                                   options.which.replace("fig", "Figure "))


def claim_again(options, page):
    """Measure a claim on glyph scenes, or on the one image that --image names."""
    if options.target is not None:
        raise InputError(f"{options.which} explains the classes that the network predicts; leave --target out")
    return page(*asked(options, SCENES), options.K, options.layer)


def asked(options, count):
    """Return the network and the pictures to measure on: the one of --image, or `count` glyph scenes."""
    if options.image is not None and options.pictures is not None:
        raise InputError("--image names the one picture to measure on; leave --pictures out")
    net = network(options, photo=options.image is not None)
    return net, scenes(options.pictures or count) if options.image is None else [photo(options.image)]


def tell_claims(options, found):
    """Print the claims, and write the figure of heatmaps and the numbers that the options ask for."""
    tell(options, found.table(), found.numbers(),
         lambda draw: draw.grid(found.rows, found.columns, found.heatmaps, found.name))


@command("paint", "HI --image photo.jpg --net vgg19.h5 --out hi.png",
         option("text", help="what the heatmap will show: one to three letters"),
         option("--layer", help="layer to explain and to paint on; default: the last layer that can show the text"),
         *shared("--image --net --family --target --K --out --json"), figure="paint.png")
def run_paint(options):
    """Make a network whose pre-softmax heatmap shows a text of your choice."""
    from tinyattr.studies.paint import painted

    net, x = load(options)
    tell_claims(options, painted(net, x, options.text, options.target, options.K, options.layer))


@command("sanity", "--method grad_cam lrp --pictures 4 --out sanity.png", *shared("--image --net --family --layer --K"),
         several("--method", "M", METHODS, CHECKED), several("--score", "S", SCORES, ("pre", "log_odds")),
         option("--pictures", type=int, help="number of glyph scenes, if there is no --image; default: 4"),
         figure("figure to write: maps with randomised weights, and maps of two classes"), *shared("--json"))
def run_sanity(options):
    """Test heatmaps where no truth is known: other weights, other classes, noise, spread, faithfulness."""
    net, pictures = asked(options, 4)
    found = sanity(net, pictures, methods=options.method, scores=options.score, K=options.K, layer=options.layer)

    def drawn(_):
        from tinyattr.studies.sanity.figure import figure as checks
        return checks(found)

    tell(options, found.table(), found.numbers(), drawn)
