"""Fair turns: whoever is measured, is measured many times, between the others, and judged by the median."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter, sleep

PAUSE = 0.1  # seconds: another library's threads still spin for a while, waiting for work that does not come


@dataclass(frozen=True, eq=False)
class Job:
    """One way to do some work. run(steps) does it; work of one step ignores the number.

    documented: the library as its documentation calls it; else the best way we know to call it.
    """

    library: str
    run: Callable
    layout: str = ""
    documented: bool = False

    def __repr__(self):
        return " ".join(filter(None, (self.library, self.layout, "as documented" if self.documented else "")))


@dataclass(frozen=True, eq=False)
class Work:
    """The same work for all: `steps` pictures of a path or 1, `batch` pictures at once, so many operations in all.

    flop: additions and multiplications of the definition, y = sum x w, whatever way a library saves some.
    seconds: what every run of every job took, once it is measured.
    """

    name: str
    title: str
    batch: int
    steps: int
    flop: float
    jobs: list[Job]
    seconds: dict[Job, list[float]] = field(default_factory=dict)

    @property
    def ours(self):
        """Our own job, always the first."""
        return self.jobs[0]

    def median(self, job):
        """The median of a job's seconds."""
        return median(self.seconds[job])

    def ratio(self, job):
        """How many times as long as ours a job takes."""
        return self.median(job) / self.median(self.ours)

    def numbers(self):
        """The same as plain numbers."""
        jobs = [{"library": job.library, "layout": job.layout, "documented": job.documented, "median": self.median(job),
                 "ratio": self.ratio(job), "seconds": self.seconds[job]} for job in self.jobs]
        return {"work": self.name, "title": self.title, "batch": self.batch, "steps": self.steps,
                "gflop": self.flop / 1e9, "jobs": jobs}


def measured(work, repeats, progress):
    """The work with its seconds: its jobs take turns, `repeats` times, each after a pause and a first, untimed run."""
    seconds = {job: [] for job in work.jobs}
    for _ in range(repeats):
        for job in work.jobs:
            sleep(PAUSE)
            job.run(min(work.steps, work.batch))
            start = perf_counter()
            job.run(work.steps)
            seconds[job].append(perf_counter() - start)
            progress.update()
    return replace(work, seconds=seconds)
