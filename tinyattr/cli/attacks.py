"""`tinyattr audit | bake | inspect | repair | training | contrasts`: commands about the attack."""

import os
from pathlib import Path

from tqdm import tqdm

import tinyattr as ta
from tinyattr.cli.command import command, figure, one_of, option, several
from tinyattr.cli.options import chosen
from tinyattr.cli.outputs import tell
from tinyattr.cli.preparation import said
from tinyattr.cli.shared import chosen_net, shared
from tinyattr.errors import named
from tinyattr.files.export import EXPORTS
from tinyattr.studies import contrasts, training
from tinyattr.studies.audit import ATTACKED, ATTACKS, AUDITED, audit
from tinyattr.studies.bake import bake
from tinyattr.studies.detect import inspect, repair
from tinyattr.studies.samples import folder, scenes

LAYOUTS = {"tinyattr": ta.save, **EXPORTS}


@command("audit", "--images photos --net vgg19.h5 --jobs 2 --json audit.json --out audit.png",
         option("--images", metavar="DIR", help="folder of JPEG or PNG files; default: scenes of drawn glyphs"),
         *shared("--net --pictures --seed --family --K --layer --option"), several("--method", "M", AUDITED, AUDITED),
         several("--score", "S", ta.SCORES, ta.SCORES), several("--attack", "A", ATTACKS, ATTACKED),
         option("--jobs", type=int, default=os.cpu_count() or 1,
                help="number of processes on this computer; default: one for each core (%(default)s)"),
         option("--cluster", metavar="ADDRESS",
                help="address of a Dask scheduler: its workers compute instead of this computer"),
         figure("figure to write: the table of verdicts"),
         option("--json", metavar="FILE", help="file to write all numbers to; finished cells are kept in FILE.cells, "
                "so that an interrupted audit can continue"),
         pictures=1, seed=1)
def run_audit(options):
    """Test for which methods and scores the attack changes the heatmap."""
    methods = [AUDITED[named("method", method, AUDITED)][0] for method in options.method]
    finished = None if options.json is None else Path(f"{options.json}.cells")
    pictures = scenes(options.pictures, options.seed) if options.images is None else folder(options.images)
    net = chosen_net(options, photo=options.images is not None)
    found = audit(net, pictures, **said(options), methods=options.method, scores=options.score,
                  attacks=options.attack, K=options.K, layer=options.layer, options=chosen(options.option, methods),
                  jobs=options.jobs, cluster=options.cluster, finished=finished)
    tell(options, found.table(), found.numbers(),
         lambda draw: draw.verdicts(found, f"{found.network}, {len(pictures)} picture(s)"))
    if finished is not None:
        finished.unlink(missing_ok=True)


@command("bake", "vgg19.h5 baked.h5", *shared("file out --overwrite --family --K"),
         option("--at", type=int, nargs=2, default=(0, 0), metavar=("I", "J"),
                help="place (row, column) that the attack reads; default: 0 0"),
         one_of(LAYOUTS, "layout", "--layout", "format of the written file: our HDF5 (default), Keras' HDF5, or "
                ".safetensors with torchvision's names", default="tinyattr"))
def run_bake(options):
    """Write an altered network as an ordinary weight file, for teaching."""
    net = bake(ta.load(options.file, **said(options)), options.K, tuple(options.at))
    LAYOUTS[options.layout](net, options.out)
    print(f"weights  {options.out}\naltered  t = {options.K:g} sum_k A_ijk, (i, j) = {tuple(options.at)}: "
          "one more unit in every hidden dense layer")


@command("inspect", "vgg19.h5 --images photos", *shared("file --family --json"),
         option("--images", metavar="DIR",
                help="folder of pictures to run the network on; default: three glyph scenes"))
def run_inspect(options):
    """Test whether a weight file adds the same number to every logit."""
    net = ta.load(options.file, **said(options))
    pictures = scenes(3) if options.images is None else folder(options.images)
    found = inspect(net, [net.read(p.pixels) for p in pictures])
    tell(options, found.table(), found.numbers())


@command("repair", "baked.h5 repaired.h5", *shared("file out --overwrite --family"))
def run_repair(options):
    """Remove from a weight file the part that all logits share."""
    ta.save(repair(ta.load(options.file, **said(options))), options.out)
    print(f"weights  {options.out}\n"
          "repaired: the mean over classes is removed from the logits; probabilities are the same")


@command("training", "--steps 20 --json training.json",
         option("--steps", type=int, default=20,
                help="number of steps of gradient descent; default: %(default)s"), *shared("--json"))
def run_training(options):
    """Train the original and the altered network in the same way, to see whether training undoes the attack."""
    found = list(tqdm(training.demonstrate(options.steps), desc="training", total=len(training.CASES), disable=None))
    tell(options, training.table(found), {"training": found})


@command("contrasts", "--pictures 20 --json contrasts.json", *shared("--pictures --seed --json"), pictures=20, seed=0)
def run_contrasts(options):
    """Compare the attack t(x), an adversarial example and a Clever Hans network, in numbers."""
    found = contrasts.contrasts(ta.load("glyphs"), options.pictures, options.seed)
    tell(options, contrasts.table(found), {"contrasts": found})
