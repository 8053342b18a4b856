"""Which maps the board has: methods and variants, the scores that make a difference to them, original and altered."""

from tinyattr.methods import options_of
from tinyattr.studies.audit import AUDITED, predicted
from tinyattr.studies.audit.prediction import SIZES
from tinyattr.studies.more_attacks import ATTACKS

ORIGINAL, ANY = "original", "any"
ALTERED = tuple(name for name in ATTACKS if name != "triggered")  # whose gate no picture here opens
QUICK = {  # in place of the methods' own defaults: a map costs as few passes as show its kind
    "samples": 8, "steps": 8, "window": 64, "stride": 32,
}
SAMPLES = {"rise": 64}  # masks
NO_SCORE = ("eigen_cam", "excitation_backprop")  # the score changes nothing in them
FEW = {  # for which the other scores say nothing new, at the price of the slowest walks
    "lrp, from S": ("pre",), "deeplift, RevealCancel": ("log_odds",), "expected_gradients": ("pre", "log_odds"),
    "smoothgrad_squared": ("pre", "log_odds"), "vargrad": ("pre", "log_odds"),
}


def scores_of(method, scores):
    """The scores, of these, by which the board draws a method's maps; (ANY,) if its score changes nothing."""
    if method in NO_SCORE:
        return (ANY,)
    only = AUDITED[method][2]
    return tuple(s for s in scores if s in FEW.get(method, scores) and only in (None, s))


def networks_of(method, score, attacks):
    """{network whose map is drawn: networks that it stands for}: the original one, and those of the attacks.

    The algebra (audit/prediction.py) says which attacks move no map: there the original's stands for ANY. A bounded t
    has the slope of the paper's, to the bit, so that methods that take slopes only draw one map for both.
    """
    moves = [a for a in attacks if predicted(method, score, a) != "immune"]
    if not moves:
        return {ORIGINAL: ANY if attacks else ORIGINAL}
    found = {name: name for name in (ORIGINAL, *moves)}
    if {"corner", "bounded"} <= {*moves} and method not in SIZES:
        found |= {"corner": f"corner, {found.pop('bounded')}"}
    return found


def options(method):
    """The options that the board gives a method: `own` of its variant, and QUICK."""
    name, own, _ = AUDITED[method]
    quick = {key: value for key, value in QUICK.items() if key in options_of(name)}
    return quick | ({"samples": SAMPLES[name]} if name in SAMPLES else {}) | own
