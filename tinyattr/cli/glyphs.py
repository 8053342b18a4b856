"""`tinyattr pointing | train`: the embedded network, on pictures whose truth is known."""

from pathlib import Path

import tinyattr as ta
from tinyattr.cli.command import command, option
from tinyattr.cli.outputs import check, tell
from tinyattr.cli.shared import shared
from tinyattr.glyphs.recipe import STEPS, train_glyphs
from tinyattr.studies.pointing import pointing_game


@command("pointing", "--pictures 200 --two --json pointing.json", *shared("--pictures --seed --json"),
         option("--two", action="store_true", help="scenes with two glyphs: does the map follow the class?"),
         pictures=200, seed=1)
def run_pointing(options):
    """Which heatmaps find the glyph, original and altered."""
    found = pointing_game(ta.load("glyphs"), options.pictures, seed=options.seed, two=options.two)
    tell(options, found.table(), found.numbers())


@command("train", "--out glyphs.h5",
         option("--steps", type=int, default=STEPS, help="default: %(default)s, as the embedded network"),
         option("--seed", type=int, default=0, help="default: %(default)s, as the embedded network"),
         option("--out", default="glyphs.h5", metavar="FILE", help="weight file to write; default: %(default)s"),
         *shared("--overwrite"),
         option("--checkpoint", metavar="FILE",
                help="where an interrupted run resumes; default: OUT with .checkpoint.npz"))
def run_train(options):
    """Make the embedded network again, from nothing."""
    options.checkpoint = Path(options.checkpoint or Path(options.out).with_suffix(".checkpoint.npz"))
    check(options)
    net = train_glyphs(options.steps, seed=options.seed, checkpoint=options.checkpoint)
    ta.save(net, options.out)
    options.checkpoint.unlink()
    print(f"weights  {options.out}\nmade by  {net.source}")
