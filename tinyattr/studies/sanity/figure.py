"""Draw the figure of the sanity checks."""

from tinyattr.studies.draw import LINES, empty

STYLES = ("-", ":", "--", "-.", (0, (1, 4)), (0, (5, 5)))


def figure(found):
    """Draw rank correlations with random weights (cascade, single layers), and the similarity of two classes' maps."""
    drawn = empty(15, 4.6, [f"Sanity checks, {found.network}"])
    axes = drawn.subplots(1, 3, width_ratios=(3, 3, 2))
    for ax, of, title in zip(axes, (found.cascade, found.layer_by_layer), (
            "Weights drawn anew from the logits down to ...", "Weights drawn anew in one layer"), strict=False):
        methods, scores = (list(dict.fromkeys(pair[i] for pair in of)) for i in (0, 1))
        for (method, score), values in of.items():
            ax.plot(list(values), list(values.values()), ls=STYLES[scores.index(score) % len(STYLES)], lw=1.8,
                    color=LINES[methods.index(method) % len(LINES)], label=f"{method}, {score}")
        ax.set(title=title, ylabel="rank correlation with the trained map")
        ax.tick_params(axis="x", rotation=90, labelsize=7)
        ax.axhline(0, color="black", lw=0.6)
    axes[0].legend(fontsize=7)
    rows = [f"{method}, {score}" for method, score in found.cascade]
    for network, marker in (("original", "o"), ("altered", "x")):
        likeness = [check.other_class for check in found.checks if check.network == network]
        axes[2].plot(likeness, range(len(rows)), marker, color="black", label=f"{network} network", mfc="none")
    axes[2].set_yticks(range(len(rows)), rows, fontsize=8)
    axes[2].invert_yaxis()
    axes[2].set(title="Are the maps of two classes the same?", xlabel="SSIM; 1: the same map")
    axes[2].legend(fontsize=8)
    return drawn
