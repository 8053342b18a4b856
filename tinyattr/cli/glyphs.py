"""`tinyattr evaluate | train`: on pictures whose truth is known, and the network that was trained on them."""

import os
from pathlib import Path

import tinyattr as ta
from tinyattr.cli.command import command, figure, option, several
from tinyattr.cli.outputs import check, tell
from tinyattr.cli.preparation import said
from tinyattr.cli.shared import shared
from tinyattr.glyphs.recipe import STEPS, train_glyphs
from tinyattr.studies.audit import ATTACKS, AUDITED
from tinyattr.studies.board import evaluate
from tinyattr.studies.board.rows import ALTERED


@command("evaluate", "--pictures 200 --jobs 2 --json board.json --out board.png",
         option("--net", default="glyphs",
                help="weight file of a network that knows the glyphs; default: the embedded one"),
         *shared("--pictures --seed --family --K --layer"), several("--method", "M", AUDITED, AUDITED),
         several("--score", "S", ta.SCORES, ta.SCORES), several("--attack", "A", ATTACKS, ALTERED),
         option("--jobs", type=int, default=os.cpu_count() or 1,
                help="processes on this computer; default: one for each core (%(default)s)"),
         figure("draw the methods there"),
         option("--json", metavar="FILE", help="write the board there; the folder FILE.scenes keeps each "
                                               "scene's numbers, so that a run that was cut off goes on"),
         pictures=200, seed=1)
def run_evaluate(options):
    """Which map is right? All methods and scores, original and altered, where the truth is known."""
    folder = None if options.json is None else f"{options.json}.scenes"
    found = evaluate(options.net, options.pictures, **said(options), seed=options.seed, methods=options.method,
                     scores=options.score, attacks=options.attack, K=options.K, layer=options.layer, jobs=options.jobs,
                     folder=folder)
    tell(options, found.table(), found.numbers(), lambda draw: draw.board(found))


@command("train", "--out glyphs.h5",
         option("--steps", type=int, default=STEPS, help="default: %(default)s, as the embedded network"),
         option("--seed", type=int, default=0, help="default: %(default)s, as the embedded network"),
         option("--no-masks", action="store_true", help="do not use the masks: no price on activations off the glyphs"),
         option("--out", default="glyphs.h5", metavar="FILE", help="weight file to write; default: %(default)s"),
         *shared("--overwrite"),
         option("--checkpoint", metavar="FILE",
                help="where an interrupted run resumes; default: OUT with .checkpoint.npz"))
def run_train(options):
    """Make the embedded network again, from nothing."""
    options.checkpoint = Path(options.checkpoint or Path(options.out).with_suffix(".checkpoint.npz"))
    check(options)
    net = train_glyphs(options.steps, seed=options.seed, checkpoint=options.checkpoint, masks=not options.no_masks)
    ta.save(net, options.out)
    options.checkpoint.unlink()
    print(f"weights  {options.out}\nmade by  {net.source}")
