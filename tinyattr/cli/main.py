"""The command line: `tinyattr demo`, `tinyattr explain IMAGE`, `tinyattr weights list`, ..., each with --help."""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

import tinyattr as ta
from tinyattr.bench import PARTS, bench, timings
from tinyattr.cli import lesson as lesson_commands
from tinyattr.files.atomic import all_different, writable, write_text
from tinyattr.files.export import EXPORTS
from tinyattr.files.fetch import FETCHABLE, cached, fetch
from tinyattr.files.load import convert
from tinyattr.files.show import published_networks, show_file
from tinyattr.files.verify import passed, verify
from tinyattr.glyphs.network import STEPS, train_glyphs
from tinyattr.glyphs.scenes import example
from tinyattr.nets.pictures import open_photo
from tinyattr.studies import contrasts, draw
from tinyattr.studies.audit import ATTACKED, ATTACKS, AUDITED, Picture, audit, scenes
from tinyattr.studies.bake import bake
from tinyattr.studies.detect import inspect, repair
from tinyattr.studies.explain import FOUR_SCORES, TWO_METHODS, explain
from tinyattr.studies.paint import painted
from tinyattr.studies.playground import Playground, play
from tinyattr.studies.pointing import report
from tinyattr.studies.reproduce import altered_beside_original, scores_side_by_side
from tinyattr.studies.training import CASES, demonstrate
from tinyattr.studies.training import table as twins_table


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line."""

    def error(self, message):
        """Leave with status 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments=None):
    """Run one command. Returns the exit status: 0, or 1 with one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot show is no reason to stop
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except ta.InputError as error:
        return _complain(error)
    except BrokenPipeError:  # whoever reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        return _complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except MemoryError:
        return _complain("not enough memory for this network and picture")
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130
    return 0


def _complain(message):
    print(f"tinyattr: {' '.join(str(message).split())}", file=sys.stderr)
    return 1


def parser():
    """All commands and their options."""
    top = Parser(prog="tinyattr", description="Gradient attribution made transparent.")
    top.add_argument("--version", action="version", version=f"tinyattr {ta.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    one = _command(commands, "explain", run_explain, "heatmaps of one picture by method and score",
                   "tinyattr explain photo.jpg --net vgg19.h5 --altered --out photo.png")
    one.add_argument("image", nargs="?", help="a JPEG or PNG file; default: a scene of our own, two glyphs")
    _explain_options(one)
    one.add_argument("--altered", action="store_true",
                     help="beside it, the network with t = K sum_k A_ijk added to every logit")
    one.set_defaults(out="explain.png")

    demo = _command(commands, "demo", run_explain, "the main job on a scene of our own, original and altered network",
                    "tinyattr demo --out demo.png --json demo.json")
    _explain_options(demo)
    demo.set_defaults(image=None, altered=True, out="demo.png")

    point = _command(commands, "pointing", run_pointing, "which heatmaps find the glyph, original and altered",
                     "tinyattr pointing --pictures 200 --two --json pointing.json")
    point.add_argument("--pictures", type=int, default=200, help="how many scenes; default: %(default)s")
    point.add_argument("--seed", type=int, default=1, help="which scenes; default: %(default)s")
    point.add_argument("--two", action="store_true", help="scenes with two glyphs: does the map follow the class?")
    point.add_argument("--json", metavar="FILE", help="write the numbers there, too")

    check = _command(commands, "audit", run_audit, "which methods and scores does the attack move?",
                     "tinyattr audit --images photos --net vgg19.h5 --jobs 2 --json audit.json --out audit.png")
    check.add_argument("--images", metavar="DIR", help="folder of JPEG or PNG files; default: glyph scenes of our own")
    check.add_argument("--pictures", type=int, default=1, help="how many glyph scenes; default: %(default)s")
    check.add_argument("--seed", type=int, default=1, help="which glyph scenes; default: %(default)s")
    _network_options(check)
    check.add_argument("--method", nargs="+", default=tuple(AUDITED), metavar="M",
                       help=f"of {', '.join(AUDITED)}; default: all")
    check.add_argument("--score", nargs="+", default=tuple(ta.SCORES), metavar="S",
                       help=f"of {', '.join(ta.SCORES)}; default: all")
    check.add_argument("--attack", nargs="+", default=ATTACKED, metavar="A",
                       help=f"of {', '.join(ATTACKS)}; default: {', '.join(ATTACKED)}")
    check.add_argument("--K", type=float, default=10.0, help="strength of the attacks; default: %(default)g")
    check.add_argument("--layer", help="layer that CAMs explain and attacks read; default: the last feature maps")
    check.add_argument("--option", nargs="+", default=(), metavar="NAME=VALUE", type=_option,
                       help="for methods that know it: samples=100, steps=50, ...")
    check.add_argument("--jobs", type=int, default=os.cpu_count() or 1,
                       help="processes on this computer; default: one for each core (%(default)s)")
    check.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler that computes the cells instead")
    check.add_argument("--out", metavar="FILE", help="draw the table of verdicts there")
    check.add_argument("--json", metavar="FILE", help="write all numbers there; FILE.cells keeps finished cells")

    again = _command(commands, "reproduce", run_reproduce, "a figure of the papers: what it claims, what is measured",
                     "tinyattr reproduce fig3 --image soccer_ball.jpg --net vgg19.h5 --target 805 --out fig3.png")
    again.add_argument("figure", choices=list(FIGURES), help="fig2 of the first paper, fig3 to fig5 of the second")
    again.add_argument("--image", help="a JPEG or PNG file; default: a scene of our own, two glyphs")
    _network_options(again, "VGG19 for an --image, if its weights were fetched, else the embedded glyph network")
    again.add_argument("--target", help="class to explain, number or name; default: the top class (fig4: the second)")
    again.add_argument("--K", type=float, default=10.0, help="strength of the attack; default: %(default)g")
    again.add_argument("--layer", help="layer to explain and to read; default: the last feature maps")
    again.add_argument("--out", metavar="FILE", help="figure to write; default: the figure's name .png")
    again.add_argument("--json", metavar="FILE", help="write claims and measurements there, too")

    brush = _command(commands, "paint", run_paint, "a network whose pre-softmax heatmap shows a text of your choice",
                     "tinyattr paint HI --image photo.jpg --net vgg19.h5 --out hi.png")
    brush.add_argument("text", help="what the heatmap shall show: a letter or three")
    brush.add_argument("--image", help="a JPEG or PNG file; default: a scene of our own, two glyphs")
    _network_options(brush)
    brush.add_argument("--target", help="class to explain, number or name; default: the top class")
    brush.add_argument("--K", type=float, default=10.0, help="strength of the attack; default: %(default)g")
    brush.add_argument("--layer", help="layer to explain and to paint on; default: the last that can show it")
    brush.add_argument("--out", default="paint.png", metavar="FILE", help="figure to write; default: %(default)s")
    brush.add_argument("--json", metavar="FILE", help="write claims and measurements there, too")

    look = _command(commands, "inspect", run_inspect, "does a weight file add something to every logit?",
                    "tinyattr inspect vgg19.h5 --images photos")
    look.add_argument("file", help="weight file, or glyphs")
    look.add_argument("--family", help=f"whose training, for files that do not say: {', '.join(ta.FAMILIES)}")
    look.add_argument("--images", metavar="DIR", help="folder of pictures to look at; default: three glyph scenes")
    look.add_argument("--json", metavar="FILE", help="write the numbers there, too")

    for name, run, what in (("bake", run_bake, "write an altered network as an ordinary file, to teach with"),
                            ("repair", run_repair, "take out of a weight file what all logits have in common")):
        make = _command(commands, name, run, what, f"tinyattr {name} vgg19.h5 {name}d.h5")
        make.add_argument("source", metavar="IN", help="weight file, or glyphs")
        make.add_argument("out", metavar="OUT", help="file to write")
        make.add_argument("--family", help=f"whose training, for files that do not say: {', '.join(ta.FAMILIES)}")
        if name == "bake":
            make.add_argument("--K", type=float, default=10.0, help="strength of the attack; default: %(default)g")
            make.add_argument("--at", type=int, nargs=2, default=(0, 0), metavar=("I", "J"),
                              help="place that it reads; default: 0 0")
            make.add_argument("--layout", default="tinyattr", choices=["tinyattr", *EXPORTS],
                              help="whose file: our HDF5, Keras' HDF5, torchvision's names as .safetensors; "
                                   "default: %(default)s")

    pair = _command(commands, "twins", run_twins, "original and altered, trained alike: does training undo the attack?",
                    "tinyattr twins --steps 20 --json twins.json")
    pair.add_argument("--steps", type=int, default=20, help="of gradient descent; default: %(default)s")
    pair.add_argument("--json", metavar="FILE", help="write the numbers there, too")

    three = _command(commands, "contrasts", run_contrasts, "t(x), an adversarial example and Clever Hans, in numbers",
                     "tinyattr contrasts --pictures 20 --json contrasts.json")
    three.add_argument("--pictures", type=int, default=20, help="how many glyph scenes; default: %(default)s")
    three.add_argument("--seed", type=int, default=0, help="which scenes; default: %(default)s")
    three.add_argument("--json", metavar="FILE", help="write the numbers there, too")

    train = _command(commands, "train", run_train, "make the embedded network again, from nothing",
                     "tinyattr train --out glyphs.h5")
    train.add_argument("--steps", type=int, default=STEPS, help="default: %(default)s, as the embedded network")
    train.add_argument("--seed", type=int, default=0, help="default: %(default)s, as the embedded network")
    train.add_argument("--out", default="glyphs.h5", metavar="FILE", help="weight file to write; default: %(default)s")
    train.add_argument("--checkpoint", metavar="FILE",
                       help="where an interrupted run resumes; default: OUT with .checkpoint.npz")

    speed = _command(commands, "bench", run_bench, "how long the engine takes here, and PyTorch if it is installed",
                     "tinyattr bench --work forward gradient gradcam --json bench.json --out bench.png")
    speed.add_argument("--work", nargs="+", default=PARTS, metavar="W", help=f"of {', '.join(PARTS)}; default: all")
    speed.add_argument("--batch", nargs="+", type=int, default=(1, 8), metavar="N",
                       help="pictures at a time; paths run in the largest; default: 1 8")
    speed.add_argument("--steps", type=int, default=50, help="of a path; default: %(default)s")
    speed.add_argument("--repeats", type=int, default=7,
                       help="whose median counts; a fifth for paths; default: %(default)s")
    speed.add_argument("--quick", action="store_true", help="a small network instead of VGG19: seconds, not minutes")
    speed.add_argument("--out", metavar="FILE", help="bar chart to write")
    speed.add_argument("--json", metavar="FILE", help="write the numbers there, too")

    toy = _command(commands, "play", run_play, "one figure to play with: class, score, method, layer, attack",
                   "tinyattr play --browser")
    toy.add_argument("image", nargs="?", help="a JPEG or PNG file; default: a scene of our own, two glyphs")
    _network_options(toy)
    toy.add_argument("--browser", action="store_true", help="in a web browser instead of a window")
    toy.add_argument("--port", type=int, default=8988, help="of the browser's page; default: %(default)s")
    toy.add_argument("--out", metavar="FILE", help="only draw how it starts")

    course = commands.add_parser("lesson", help="the course: list, run, a student's copy, a notebook",
                                 description="The course: fourteen lessons, each a script of its own.")
    kinds = course.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=Parser)
    lesson_commands.add(kinds, _command)

    weights = commands.add_parser("weights", help="weight files: list, fetch, convert, show, verify",
                                  description="Weight files: which are known, and what is in yours.")
    kinds = weights.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=Parser)
    _command(kinds, "list", run_list, "known networks, their sizes and licences, where they lie",
             "tinyattr weights list")
    get = _command(kinds, "fetch", run_fetch, "download a known network; its size and sha256 are checked",
                   "tinyattr weights fetch vgg19")
    get.add_argument("name", metavar="NAME", help=f"one of {', '.join(FETCHABLE)}")
    change = _command(kinds, "convert", run_convert,
                      "write any weight file as one of our own, which says how photos are preprocessed",
                      "tinyattr weights convert vgg19-dcbb9e9d.pth vgg19.h5")
    change.add_argument("file", metavar="IN", help="an HDF5, .keras, .pth or .safetensors file")
    change.add_argument("out", metavar="OUT", help="the HDF5 file to write")
    look = _command(kinds, "show", run_show, "layout, network, family, layers, shapes and sha256 of a file",
                    "tinyattr weights show vgg19.h5")
    look.add_argument("file", metavar="FILE")
    check = _command(kinds, "verify", run_verify, "whether a file's numbers are those that were published or written",
                     "tinyattr weights verify vgg19.h5 --photos beagle.jpg")
    check.add_argument("file", metavar="FILE")
    check.add_argument("--photos", nargs="+", default=[], metavar="PHOTO", help="pictures to classify with it")
    for command in (change, look, check):
        command.add_argument("--family", help=f"whose training, for files that do not say: {', '.join(ta.FAMILIES)}")
    return top


def _command(commands, name, run, what, example):
    command = commands.add_parser(name, help=what, description=what, epilog=f"example: {example}")
    command.set_defaults(run=run)
    return command


def _network_options(command, otherwise=None):
    """otherwise: what is taken without --net, where that depends on more; --net is None then."""
    command.add_argument("--net", default=None if otherwise else "glyphs", help="weight file, or the name of a fetched "
                         f"network; default: {otherwise or 'the embedded glyph network'}")
    command.add_argument("--family", help=f"whose training, for files that do not say: {', '.join(ta.FAMILIES)}")


def _explain_options(command):
    _network_options(command)
    command.add_argument("--target", help="class to explain, number or name; default: the top class")
    command.add_argument("--score", nargs="+", default=FOUR_SCORES, metavar="S",
                         help=f"of {', '.join(ta.SCORES)}; default: the first four")
    command.add_argument("--method", nargs="+", default=TWO_METHODS, metavar="M",
                         help=f"of {', '.join(ta.METHODS)}; or all, on one page; default: {', '.join(TWO_METHODS)}")
    command.add_argument("--option", nargs="+", default=(), metavar="NAME=VALUE", type=_option,
                         help="for methods that know it: steps=20, baseline=mean, samples=100, composite=zero, ...")
    command.add_argument("--receipts", action="store_true", help="print what every map should sum to, and does")
    command.add_argument("--layer", help="layer to explain; default: the last feature maps")
    command.add_argument("--K", type=float, help="strength of the attack; default: 10")
    command.add_argument("--tap", metavar="LAYER", help="layer that the attack reads; default: the explained layer")
    command.add_argument("--at", type=int, nargs=2, metavar=("I", "J"),
                         help="place that the attack reads; default: 0 0")
    command.add_argument("--out", metavar="FILE", help="figure to write; default: %(default)s")
    command.add_argument("--json", metavar="FILE", help="write the table's numbers there, too")


def _option(text):
    """NAME=VALUE, the value a whole number, a number or a word."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as steps=20")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            pass
    return name, value


def run_explain(options):
    """Figure, table and numbers for one picture."""
    if not options.altered and (options.K, options.tap, options.at) != (None, None, None):
        raise ta.InputError("--K, --tap and --at describe the attack; give --altered, too")
    draw.drawable(options.out)
    if options.json is not None:
        writable(options.json)
    all_different(options.image, options.net, options.out, options.json)
    net = ta.load(options.net, family=options.family)
    x = net.read(example().picture if options.image is None else options.image)
    K = 10.0 if options.altered and options.K is None else options.K
    methods = tuple(ta.METHODS) if options.method == ["all"] else options.method
    found = explain(net, x, options.target, scores=options.score, methods=methods, layer=options.layer,
                    K=K, tap=options.tap, at=options.at or (0, 0), options=dict(options.option))
    picture = "a scene of our own" if options.image is None else Path(options.image).name
    figure = draw.side_by_side if len(methods) <= 4 else draw.page
    draw.save(figure(found, f"{picture}, {net.name}"), options.out)
    if options.json is not None:
        numbers = {"picture": options.image or picture, "weights": options.net, **found.numbers()}
        _write_numbers(options.json, numbers)
    print(f"picture  {picture}\n{found.table()}\n")
    if options.receipts:
        print(f"{found.receipts()}\n")
    print(f"figure   {options.out}")
    if options.json is not None:
        print(f"numbers  {options.json}")


def run_pointing(options):
    """The pointing game on glyph scenes."""
    if options.pictures < 1:
        raise ta.InputError(f"--pictures must be at least 1; got {options.pictures}")
    if options.json is not None:
        writable(options.json)
    found = report(ta.load("glyphs"), options.pictures, seed=options.seed, two=options.two)
    if options.json is not None:
        _write_numbers(options.json, found.numbers())
    print(found.table())


def run_audit(options):
    """Methods x scores x attacks over pictures: a table, numbers and a figure."""
    if options.pictures < 1 or options.jobs < 1:
        raise ta.InputError(f"--pictures and --jobs must be at least 1; got {options.pictures} and {options.jobs}")
    if options.out is not None:
        draw.drawable(options.out)
    finished = None
    if options.json is not None:
        finished = writable(options.json).with_name(f"{Path(options.json).name}.cells")
    pictures = scenes(options.pictures, options.seed) if options.images is None else _folder(options.images)
    found = audit(options.net, pictures, family=options.family, methods=options.method, scores=options.score,
                  attacks=options.attack, K=options.K, layer=options.layer, options=dict(options.option),
                  jobs=options.jobs, cluster=options.cluster, finished=finished)
    if options.json is not None:
        _write_numbers(options.json, found.numbers())
        finished.unlink(missing_ok=True)
    if options.out is not None:
        draw.save(draw.verdicts(found, f"{found.network}, {len(pictures)} picture(s)"), options.out)
    print(found.table())


def _folder(folder):
    """The pictures of a folder, by name."""
    files = sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        raise ta.InputError(f"no JPEG or PNG files in {folder!r}")
    return [Picture(p.name, np.asarray(open_photo(p))) for p in files]


FIGURES = {"fig2": "Figure 2", "fig3": "Figure 3", "fig4": "Figure 4", "fig5": "Figure 5"}


def run_reproduce(options):
    """A figure of the papers and its claims."""
    out = draw.drawable(options.out or f"{options.figure}.png")
    if options.json is not None:
        writable(options.json)
    if options.net is None:
        fetched = options.image is not None and cached(FETCHABLE["vgg19"]).is_file()
        options.net = "vgg19" if fetched else "glyphs"
    all_different(options.image, options.net, out, options.json)
    net = ta.load(options.net, family=options.family)
    scene = scenes(1, 2)[0].pixels if options.figure == "fig5" else example().picture
    x = net.read(scene if options.image is None else options.image)
    top, second = np.argsort(-net(x)[0])[:2].tolist()
    if options.figure == "fig2":
        found = scores_side_by_side(net, x, options.target, options.layer)
    elif options.figure == "fig4":
        found = altered_beside_original(net, x, second if options.target is None else options.target, top, options.K,
                                        options.layer, FIGURES["fig4"])
    else:
        found = altered_beside_original(net, x, options.target, None, options.K, options.layer, FIGURES[options.figure])
    _write_figure(found, out, options.json)


def _write_figure(found, out, numbers):
    """A figure of maps and claims: drawn, as numbers if a file is named, and told."""
    draw.save(draw.grid(found.rows, found.columns, found.heatmaps, found.name), out)
    if numbers is not None:
        _write_numbers(numbers, found.numbers())
    print(f"{found.table()}\n\nfigure   {out}")


def run_paint(options):
    """A text as heatmap."""
    out = draw.drawable(options.out)
    if options.json is not None:
        writable(options.json)
    all_different(options.image, options.net, out, options.json)
    net = ta.load(options.net, family=options.family)
    x = net.read(example().picture if options.image is None else options.image)
    found = painted(net, x, options.text, options.target, options.K, options.layer)
    _write_figure(found, out, options.json)


def run_inspect(options):
    """Look for a planted t(x)."""
    if options.json is not None:
        writable(options.json)
    net = ta.load(options.file, family=options.family)
    pictures = scenes(3, 1) if options.images is None else _folder(options.images)
    found = inspect(net, [net.read(p.pixels) for p in pictures])
    if options.json is not None:
        _write_numbers(options.json, found.numbers())
    print(found.table())


def run_twins(options):
    """Train twins by every loss."""
    if options.steps < 1:
        raise ta.InputError(f"--steps must be at least 1; got {options.steps}")
    if options.json is not None:
        writable(options.json)
    found = list(tqdm(demonstrate(options.steps), desc="twins", total=len(CASES), disable=None))
    if options.json is not None:
        _write_numbers(options.json, {"twins": [vars(f) for f in found]})
    print(twins_table(found))


def run_contrasts(options):
    """Three ways a heatmap can mislead, on the embedded network."""
    if options.pictures < 1 or options.seed < 0:
        raise ta.InputError(f"--pictures must be at least 1, --seed at least 0; got {options.pictures}, {options.seed}")
    if options.json is not None:
        writable(options.json)
    found = contrasts.contrasts(ta.load("glyphs"), options.pictures, options.seed)
    if options.json is not None:
        _write_numbers(options.json, {"contrasts": [vars(f) for f in found]})
    print(contrasts.table(found))


def run_bake(options):
    """Write an altered network as an ordinary file."""
    all_different(options.source, options.out)
    out = writable(options.out)
    net = bake(ta.load(options.source, family=options.family), options.K, tuple(options.at))
    {"tinyattr": ta.save, **EXPORTS}[options.layout](net, out)
    print(f"weights  {out}\naltered  t = {options.K:g} sum_k A_ijk, (i, j) = {tuple(options.at)}: "
          "one more unit in every hidden dense layer")


def run_repair(options):
    """Write a network with centred logits."""
    all_different(options.source, options.out)
    out = writable(options.out)
    ta.save(repair(ta.load(options.source, family=options.family)), out)
    print(f"weights  {out}\nrepaired: the class mean is out of the last layer; probabilities are the same")


def _write_numbers(path, numbers):
    write_text(path, json.dumps(numbers, indent=1, allow_nan=False) + "\n")


def run_play(options):
    """The playground, or a still picture of it."""
    if options.out is not None:
        draw.drawable(options.out)
    net = ta.load(options.net, family=options.family)
    x = net.read(example().picture if options.image is None else options.image)
    if options.out is None:
        play(net, x, browser=options.browser, port=options.port)
    else:
        draw.save(Playground(net, x).figure, options.out)
        print(f"figure  {options.out}")


def run_train(options):
    """Train the glyph network and save it."""
    out = writable(options.out)
    checkpoint = writable(options.checkpoint or out.with_suffix(".checkpoint.npz"))
    if options.steps < 1 or options.seed < 0:
        raise ta.InputError(f"--steps must be at least 1, --seed at least 0; got {options.steps} and {options.seed}")
    net = train_glyphs(options.steps, seed=options.seed, checkpoint=checkpoint)
    ta.save(net, out)
    checkpoint.unlink()
    print(f"weights  {out}\nmade by  {net.source}")


def run_bench(options):
    """Times, memory and errors on this machine."""
    if options.out is not None:
        draw.drawable(options.out)
    if options.json is not None:
        writable(options.json)
    all_different(options.out, options.json)
    found = bench(options.work, batches=options.batch, steps=options.steps, repeats=options.repeats,
                  quick=options.quick)
    if options.json is not None:
        _write_numbers(options.json, found.numbers())
    if options.out is not None:
        draw.save(timings(found.works, found.title), options.out)
    print(found.table())


def run_list(options):
    """Published networks."""
    print(published_networks())


def run_fetch(options):
    """Download a published network."""
    print(f"weights  {fetch(options.name)}")


def run_convert(options):
    """Write a file of our own."""
    all_different(options.file, options.out)
    convert(options.file, options.out, family=options.family)
    print(f"weights  {options.out}")


def run_show(options):
    """What a file holds."""
    print(show_file(options.file, family=options.family))


def run_verify(options):
    """Compare a file with all that is known."""
    checks = verify(options.file, options.photos, family=options.family)
    print(*checks, sep="\n")
    if not passed(checks):
        failed = ", ".join(check.what for check in checks if check.outcome == "FAILED")
        raise ta.InputError(f"not verified: {failed or 'nothing is known to compare this file with'}")
    print("verified")


def entry():
    """Where the `tinyattr` command starts."""
    sys.exit(main())

