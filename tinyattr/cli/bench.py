"""`tinyattr bench` measures how fast the engine is on this machine."""

from tinyattr.bench import PARTS, bench
from tinyattr.cli.command import command, figure, option, several
from tinyattr.cli.outputs import tell
from tinyattr.cli.shared import shared


@command("bench", "--work forward gradient gradcam --json bench.json --out bench.png",
         several("--work", "W", PARTS, PARTS),
         option("--batch", nargs="+", type=int, default=(1, 8), metavar="N",
                help="batch sizes to measure; path methods use the largest; default: 1 8"),
         option("--steps", type=int, default=50, help="number of steps of a path method; default: %(default)s"),
         option("--repeats", type=int, default=7,
                help="number of runs; the table has their median; path methods: a fifth of them; default: %(default)s"),
         option("--net", default="vgg19", metavar="NAME", help="network to run: vgg19, squeezenet, squeezenet1.1, "
                "resnet18, resnet50, mobilenet_v2, densenet121 or glyphs; default: %(default)s"),
         option("--quick", action="store_true", help="run a small network instead of VGG19: seconds, not minutes"),
         figure("bar chart to write"), *shared("--json"))
def run_bench(options):
    """Measure how long the engine takes here, and PyTorch too if it is installed."""
    found = bench(options.work, batches=options.batch, steps=options.steps, repeats=options.repeats,
                  quick=options.quick, net=options.net)

    def chart(_):
        from tinyattr.bench.chart import timings
        return timings(found.works, found.title)

    tell(options, found.table(), found.numbers(), chart)
