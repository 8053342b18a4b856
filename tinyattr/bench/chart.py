"""The bench as a bar chart: what every job took, work by work."""

from tinyattr.studies.draw import LINES, empty

OURS, BEST, DOCUMENTED = LINES[0], LINES[1], LINES[4]  # blue; orange, in the best way we know; grey, as documented


def timings(found, title=""):
    """Axes for each work, a bar for each job: milliseconds, and how many times as long as ours. A matplotlib Figure."""
    bars = [len(t.work.jobs) for t in found] or [1]  # an empty axes where nothing was timed
    figure = empty(8.0, 0.4 + sum(0.35 + 0.2 * n for n in bars), [title])
    axes = figure.subplots(len(bars), sharex=True, squeeze=False, height_ratios=bars)[:, 0]
    for ax, t in zip(axes, found, strict=False):
        jobs = t.work.jobs
        drawn = ax.barh([repr(job) for job in jobs], [1e3 * t.median(job) for job in jobs],
                        color=[OURS if job is t.ours else DOCUMENTED if job.documented else BEST for job in jobs],
                        hatch=["//" if job.documented else "" for job in jobs], edgecolor="white", lw=0)
        ratios = ["" if job is t.ours else f"  ({t.ratio(job):.2f} x)" for job in jobs]
        ax.bar_label(drawn, [f"{1e3 * t.median(job):,.1f}{ratio}" for job, ratio in zip(jobs, ratios, strict=True)],
                     padding=3, fontsize=8)
        ax.set_title(t.work.title, loc="left", fontsize=9, weight="bold")
        ax.set(xscale="log", ylim=(len(jobs) - 0.4, -0.6))
        ax.margins(x=0.35)
        ax.tick_params(which="both", labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("ms", fontsize=9)
    return figure
