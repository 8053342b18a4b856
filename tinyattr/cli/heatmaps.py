"""`tinyattr explain | demo | play`: heatmaps of one picture."""

from pathlib import Path

import tinyattr as ta
from tinyattr.cli.command import command, figure, option, several
from tinyattr.cli.outputs import tell
from tinyattr.cli.shared import load, shared
from tinyattr.studies.explain import FOUR_SCORES, TWO_METHODS, explain

EXPLAIN = (
    *shared("--net --family --target --layer --option --out --json"),
    several("--score", "S", ta.SCORES, FOUR_SCORES), several("--method", "M", ["all", *ta.METHODS], TWO_METHODS),
    option("--receipts", action="store_true", help="print what every map should sum to, and does"),
    option("--curves", action="store_true", help="judge every map: areas under insertion and deletion of its pixels"),
    option("--K", type=float, help="strength of the attack; default: 10"),
    option("--tap", metavar="LAYER", help="layer that the attack reads; default: the explained layer"),
    option("--at", type=int, nargs=2, metavar=("I", "J"), help="place that the attack reads; default: 0 0"),
)


@command("explain", "photo.jpg --net vgg19.h5 --altered --out photo.png", *shared("image"),
         option("--altered", action="store_true", help="next to it, the network with t = K sum_k A_ijk added to every "
                "logit"), *EXPLAIN, figure="explain.png")
def run_explain(options):
    """Heatmaps of one picture by method and score."""
    if not options.altered and (options.K, options.tap, options.at) != (None, None, None):
        raise ta.InputError("--K, --tap and --at describe the attack; give --altered, too")
    net, x = load(options)
    K = 10.0 if options.altered and options.K is None else options.K
    methods = tuple(ta.METHODS) if options.method == ["all"] else options.method
    found = explain(net, x, options.target, scores=options.score, methods=methods, layer=options.layer, K=K,
                    tap=options.tap, at=options.at or (0, 0), options=dict(options.option), curves=options.curves)
    picture = "a scene of our own" if options.image is None else Path(options.image).name
    tell(options, f"picture  {picture}\n{found.table()}" + (f"\n\n{found.receipts()}" if options.receipts else ""),
         {"picture": options.image or picture, "weights": options.net, **found.numbers()},
         lambda draw: (draw.side_by_side if len(methods) <= 4 else draw.page)(found, f"{picture}, {net.name}"))


@command("demo", "--out demo.png --json demo.json", *EXPLAIN, image=None, altered=True, figure="demo.png")
def run_demo(options):
    """The main job on a scene of our own, original and altered network."""
    run_explain(options)


@command("play", "--browser", *shared("image --net --family"),
         option("--browser", action="store_true", help="in a web browser instead of a window"),
         option("--port", type=int, default=8988, help="of the browser's page; default: %(default)s"),
         figure("only draw how it starts"))
def run_play(options):
    """One figure to play with: class, score, method, layer, attack."""
    from tinyattr.studies.playground import Playground, play

    net, x = load(options)
    if options.figure is None:
        play(net, x, browser=options.browser, port=options.port)
    else:
        tell(options, f"network  {net.name}", figure=lambda draw: Playground(net, x).figure)
