"""Fair timing. A work is what we measure, such as Grad-CAM; a job is one library's way to do it. Jobs take turns."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter, sleep

PAUSE = 0.1  # seconds before a job, because threads of the job before stay busy for a while, waiting for more work


@dataclass(frozen=True, eq=False)
class Job:
    """A Job is one way to do a work: run(steps) does it. A work of one step ignores this number.

    documented: True if we call the library as its documentation does; False if we call it in the best way we know.
    """

    library: str
    run: Callable
    layout: str = ""
    documented: bool = False

    def __repr__(self):
        return " ".join(filter(None, (self.library, self.layout, "as documented" if self.documented else "")))


@dataclass(frozen=True, eq=False)
class Work:
    """A Work is what all its jobs do. steps: number of pictures of a path, or 1. batch: pictures at a time.

    flop: how many additions and multiplications the definition y = sum x w has; a library may need fewer.
    seconds: {job: the times of its runs}, after the measurement.
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
        """Our own job, which is always the first."""
        return self.jobs[0]

    def median(self, job):
        """Return the median of a job's seconds."""
        return median(self.seconds[job])

    def ratio(self, job):
        """Return (median time of a job) / (median time of ours)."""
        return self.median(job) / self.median(self.ours)

    def numbers(self):
        """Return the work as plain numbers."""
        jobs = [{"library": job.library, "layout": job.layout, "documented": job.documented, "median": self.median(job),
                 "ratio": self.ratio(job), "seconds": self.seconds[job]} for job in self.jobs]
        return {"work": self.name, "title": self.title, "batch": self.batch, "steps": self.steps,
                "gflop": self.flop / 1e9, "jobs": jobs}


def measured(work, repeats, progress):
    """Return the work with its times. Jobs take turns, `repeats` times. A pause and an untimed run come before each."""
    seconds = {job: [] for job in work.jobs}
    for _ in range(repeats):
        for job in work.jobs:
            sleep(PAUSE)
            job.run(min(work.steps, work.batch))
            start = perf_counter()
            job.run(work.steps)
            seconds[job].append(perf_counter() - start)
            progress.update()
    named = {job: replace(job, run=None) for job in work.jobs}  # without the networks that their functions hold
    return replace(work, jobs=[*named.values()], seconds={named[job]: times for job, times in seconds.items()})
