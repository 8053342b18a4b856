"""`tinyattr evaluate | train`: evaluate maps where the truth is known, and train the network for these pictures."""

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
                help="network that knows the glyphs: glyphs, glyphs_no_masks, or a weight file; default: %(default)s"),
         *shared("--pictures --seed --family --K --layer"), several("--method", "M", AUDITED, AUDITED),
         several("--score", "S", ta.SCORES, ta.SCORES), several("--attack", "A", ATTACKS, ALTERED),
         option("--jobs", type=int, default=os.cpu_count() or 1,
                help="number of processes on this computer; default: one for each core (%(default)s)"),
         figure("figure to write: how the methods did"),
         option("--json", metavar="FILE", help="file to write all results to; the folder FILE.scenes keeps the "
                                               "numbers of each scene, so that an interrupted run can continue"),
         pictures=200, seed=1)
def run_evaluate(options):
    """Measure which maps are right, for all methods and scores, on scenes where the truth is known."""
    folder = None if options.json is None else f"{options.json}.scenes"
    found = evaluate(options.net, options.pictures, **said(options), seed=options.seed, methods=options.method,
                     scores=options.score, attacks=options.attack, K=options.K, layer=options.layer, jobs=options.jobs,
                     folder=folder)
    tell(options, found.table(), found.numbers(), lambda draw: draw.board(found))


@command("train", "--out glyphs.h5",
         option("--steps", type=int, default=STEPS,
                help="training steps; default: %(default)s, as for the embedded network"),
         option("--seed", type=int, default=0, help="random seed; default: %(default)s, as for the embedded network"),
         option("--no-masks", action="store_true",
                help="train without the masks: no penalty for activations outside the glyphs"),
         option("--out", default="glyphs.h5", metavar="FILE", help="weight file to write; default: %(default)s"),
         *shared("--overwrite"),
         option("--checkpoint", metavar="FILE",
                help="file from which an interrupted run resumes; default: OUT with .checkpoint.npz"))
def run_train(options):
    """Train the embedded network again, from random weights."""
    options.checkpoint = Path(options.checkpoint or Path(options.out).with_suffix(".checkpoint.npz"))
    check(options)
    net = train_glyphs(options.steps, seed=options.seed, checkpoint=options.checkpoint, masks=not options.no_masks)
    ta.save(net, options.out)
    options.checkpoint.unlink()
    print(f"weights  {options.out}\nmade by  {net.source}")
