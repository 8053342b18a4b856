"""Draw the measurements as a bar chart: for each work, the time of every job (a library's way to do the work)."""

from tinyattr.studies.draw import LINES, empty

OURS, BEST, DOCUMENTED = LINES[0], LINES[1], LINES[4]  # ours blue; others orange (best way), grey (as documented)


def timings(works, title=""):
    """Draw a chart for each work, with a bar for each job: its milliseconds, and their ratio to our time."""
    bars = [len(work.jobs) for work in works] or [1]  # empty axes if nothing was timed
    figure = empty(8.0, 0.4 + sum(0.35 + 0.2 * n for n in bars), [title])
    axes = figure.subplots(len(bars), sharex=True, squeeze=False, height_ratios=bars)[:, 0]
    for ax, work in zip(axes, works, strict=False):
        jobs, took = work.jobs, [1e3 * work.median(job) for job in work.jobs]
        drawn = ax.barh(list(map(repr, jobs)), took, edgecolor="white", lw=0,
                        color=[OURS if job is work.ours else DOCUMENTED if job.documented else BEST for job in jobs],
                        hatch=["//" if job.documented else "" for job in jobs])
        labels = [f"{ms:,.1f}  ({ms / took[0]:.2f} x)" for ms in took[1:]]
        ax.bar_label(drawn, [f"{took[0]:,.1f}", *labels], padding=3, fontsize=8)
        ax.set_title(work.title, loc="left", fontsize=9, weight="bold")
        ax.set(xscale="log", ylim=(len(jobs) - 0.4, -0.6))
        ax.margins(x=0.35)
        ax.tick_params(which="both", labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("ms", fontsize=9)
    return figure
