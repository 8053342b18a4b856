"""Which maps the board has: for each method, the scores and the networks that can change its map."""

from tinyattr.methods import options_of
from tinyattr.studies.audit import AUDITED, predicted
from tinyattr.studies.audit.prediction import SIZES
from tinyattr.studies.more_attacks import ATTACKS

ORIGINAL, ANY = "original", "any"
ALTERED = tuple(name for name in ATTACKS if name != "triggered")  # in no picture here does the trigger turn this t on
QUICK = {  # smaller than the methods' defaults: few passes, but enough to show what a method does
    "samples": 8, "steps": 8, "window": 64, "stride": 32,
}
SAMPLES = {"rise": 64}  # masks
NO_SCORE = ("eigen_cam", "excitation_backprop")  # methods that do not use the score
FEW = {  # slow methods for which other scores show nothing new
    "lrp, from S": ("pre",), "deeplift, RevealCancel": ("log_odds",), "expected_gradients": ("pre", "log_odds"),
    "smoothgrad_squared": ("pre", "log_odds"), "vargrad": ("pre", "log_odds"),
}


def scores_of(method, scores):
    """Return the scores that the board uses for a method, or (ANY,) if the score changes nothing."""
    if method in NO_SCORE:
        return (ANY,)
    only = AUDITED[method][2]
    return tuple(s for s in scores if s in FEW.get(method, scores) and only in (None, s))


def networks_of(method, score, attacks):
    """Return {network whose map is computed: networks with this map}, for the original and the attacked networks.

    If algebra (audit/prediction.py) says that no attack changes the map, the original's map counts for ANY. The bounded
    t has exactly the slope of the paper's t, so a method that uses only slopes has the same map for both.
    """
    moves = [a for a in attacks if predicted(method, score, a) != "immune"]
    if not moves:
        return {ORIGINAL: ANY if attacks else ORIGINAL}
    found = {name: name for name in (ORIGINAL, *moves)}
    if {"corner", "bounded"} <= {*moves} and method not in SIZES:
        found |= {"corner": f"corner, {found.pop('bounded')}"}
    return found


def options(method):
    """Return the options that the board gives a method: the options of its variant, and QUICK."""
    name, own, _ = AUDITED[method]
    quick = {key: value for key, value in QUICK.items() if key in options_of(name)}
    return quick | ({"samples": SAMPLES[name]} if name in SAMPLES else {}) | own
