"""A plan does again what a function did: it starts the same kernels in the same order. Python decides nothing in between.

While the function runs for the first time, the plan notes each kernel that starts, with its arguments. All arrays that are
written lie in one piece of memory, always at the same places. So a plan can be repeated only if nobody uses an array of the
last time any more.
"""

import threading
import weakref

import numba
import numpy as np

from tinyattr.kernels.buffers import Pool, line_aligned
from tinyattr.kernels.dispatch import pays
from tinyattr.kernels.memory import MAKING, PLANS, WRITTEN, Waiting

MOST, MOST_IN_ALL = 64 << 20, 256 << 20  # floats of one plan; for larger maps, Python's time is small beside that of the kernels
BEFORE, COPIES = 2, 2  # how often something is done before it is planned (this packs the weights); plans for the same thing
_all = weakref.WeakSet()


def free(plans, what, make):
    """Return a plan for `what` that is free, and lock it. If there is none, make one; return None if there may be no more."""
    plans = plans.setdefault((what, numba.get_num_threads()), [])
    if len(plans) < BEFORE:
        plans.append(None)
    elif len(plans) < BEFORE + COPIES and all(plan.turn.locked() for plan in plans[BEFORE:]):
        plans.append(make())
        if sum(plan.size for plan in _all) > MOST_IN_ALL:
            PLANS.clear()
    return next((plan for plan in plans[BEFORE:] if plan.turn.acquire(blocking=False)), None)


class FullError(Exception):
    """A plan's memory cannot hold all arrays."""


class Plan:
    """made: what make(backend) returned. steps: the noted (function, arguments), in order.

    turn: a lock, held while somebody uses the memory. used: arrays elsewhere that steps read.
    """

    def __init__(self, make, backend):
        self.memory, self.steps, self.used, self.turn = line_aligned(MOST), [], [], threading.Lock()
        self.size, self.pool = 0, Pool(self.new, np.inf)
        MAKING.plan = self
        try:
            self.made = make(Noting(self, backend))
        except FullError:
            self.turn.acquire()  # it is never free
            self.memory, self.size, self.made = None, 0, ()
        finally:
            MAKING.plan = None
        _all.add(self)

    def new(self, size):
        """Return the next `size` floats of the memory. They start at a cache line."""
        first, self.size = self.size, self.size + -(-size // 16) * 16
        if self.size > MOST:
            raise FullError
        return self.memory[first:first + size]

    def holds(self, a):
        """Return True if the array lies in the plan's memory."""
        return np.may_share_memory(a, self.memory)

    def use(self, a):
        """Keep an array alive that a step reads."""
        if not self.holds(a):
            self.used.append(a)

    def places(self, y):
        """Return where y lies in the memory, and its buffer, if it has one: (shape, bytes from the start, strides)."""
        return [a if a is None else (a.shape, a.ctypes.data - self.memory.ctypes.data, a.strides) for a in (y, WRITTEN.get(y))]

    def repeat(self):
        """Start all steps. Return view(places), which gives the arrays. When the last one is deleted, the plan is free."""
        memory = np.ndarray(self.memory.shape, np.float32, self.memory.data)
        weakref.finalize(memory, self.turn.release).atexit = False
        for function, arguments in self.steps:
            function(*arguments)
        memory = memoryview(memory).toreadonly()

        def view(places):
            y, buffer = (place and np.ndarray(place[0], np.float32, memory, *place[1:]) for place in places)
            if buffer is not None:
                WRITTEN.set(y, buffer)
            return y
        return view


class Noting:
    """The backend while a plan is made. It computes with another backend, and takes care that the plan's memory holds all arrays."""

    def __init__(self, plan, backend):
        self.plan, self.backend, self.put_off, self.computed = plan, backend, backend.put_off, backend.computed

    def forward(self, record):
        """Return the record's output: see NumPy."""
        if not pays(record):
            _ = record.x  # computes what waits
        return self.noted(lambda: (self.backend.forward(record),))[0]

    def back(self, rule, record, g):
        """Return the rule's signals: see NumPy."""
        if not pays(record, g):
            g = self.computed(g)
        return self.noted(lambda: self.backend.back(rule, record, g))

    def plus(self, g, m):
        """Return the sum of two signals: see NumPy."""
        return self.noted(lambda: (self.backend.plus(g, m),))[0]

    def noted(self, compute):
        """Return the arrays that compute() gives. If NumPy made one, note one step: compute all of them again, and copy them."""
        before = len(self.plan.steps)
        found = compute()
        if all(isinstance(a, Waiting) or self.plan.holds(a) for a in found):
            return found
        del self.plan.steps[before:]
        to = tuple(self.plan.new(a.size).reshape(a.shape) for a in found)

        def copy(found):
            for place, a in zip(to, found, strict=True):
                np.copyto(place, a)
        copy(found)
        self.plan.steps.append((lambda: copy(compute()), ()))
        return to
