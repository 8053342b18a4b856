"""The figure of the sanity checks."""

from tinyattr.studies.draw import LINES, empty

STYLES = ("-", ":", "--", "-.", (0, (1, 4)), (0, (5, 5)))


def figure(found):
    """Left: rank correlations as weights are drawn anew, in cascade. Right: likeness of the maps of two classes."""
    drawn = empty(11, 4.4, [f"Sanity checks, {found.network}"])
    left, right = drawn.subplots(1, 2, width_ratios=(3, 2))
    methods, scores = (list(dict.fromkeys(pair[i] for pair in found.cascade)) for i in (0, 1))
    for (method, score), values in found.cascade.items():
        left.plot(list(values), list(values.values()), ls=STYLES[scores.index(score) % len(STYLES)], lw=1.8,
                  color=LINES[methods.index(method) % len(LINES)], label=f"{method}, {score}")
    left.set(title="Weights drawn anew from the logits down to ...", ylabel="rank correlation with the trained map")
    left.tick_params(axis="x", rotation=90, labelsize=7)
    left.axhline(0, color="black", lw=0.6)
    left.legend(fontsize=7)
    rows = [f"{method}, {score}" for method, score in found.cascade]
    for network, marker in (("original", "o"), ("altered", "x")):
        right.plot([check.other_class for check in found.checks if check.network == network], range(len(rows)), marker,
                   color="black", label=f"{network} network", mfc="none")
    right.set_yticks(range(len(rows)), rows, fontsize=8)
    right.invert_yaxis()
    right.set(title="Are the maps of two classes one?", xlabel="SSIM; 1: the map does not ask which class")
    right.legend(fontsize=8)
    return drawn
