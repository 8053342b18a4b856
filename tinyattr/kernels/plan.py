"""A plan repeats a run or a walk: it starts the same kernels in the same order, and Python decides nothing in between.

While a plan is made, it notes each kernel that starts, with its arguments. It also gives the memory for all arrays, so that
they lie at the same places in every repetition. So a plan can be repeated only if nobody uses the arrays of its last repetition.
Kernels push Python's data out of the processor's cache. So between kernels, Python needs two to three times as long for its
decisions as in a loop without kernels.
"""

import threading
import weakref
from math import prod

import numba
import numpy as np

from tinyattr.engine.arrays import sealed
from tinyattr.kernels.buffers import SLACK, Pool, line_aligned
from tinyattr.kernels.dispatch import pays
from tinyattr.kernels.forms import TURN, maps
from tinyattr.kernels.memory import MAKING, PLANS, WRITTEN, Waiting, start

MOST, MOST_IN_ALL = 64 << 20, 256 << 20  # floats of one plan (for larger maps, Python's time matters little), and of all plans
BEFORE = 2  # runs before a plan is made: they prepare the weights
COPIES = 2  # plans for the same shapes: arrays of the first may be in use
_held = [0]  # floats of all plans, also of dropped plans whose results are in use


def free(plans, what, make):
    """Return a free plan for `what`, locked; make one if none is free. None: for the first BEFORE calls, or if COPIES are in use."""
    same = plans.setdefault((what, numba.get_num_threads()), [])
    if len(same) < BEFORE:
        same.append(None)
    elif len(same) < BEFORE + COPIES and all(plan.turn.locked() for plan in same[BEFORE:]):
        if _held[0] > MOST_IN_ALL:
            PLANS.clear()
            plans.clear()
            return None
        same.append(make())
    return next((plan for plan in same[BEFORE:] if plan.turn.acquire(blocking=False)), None)


def hold(size):
    """Count `size` more floats of plans."""
    _held[0] += size


class NoPlanError(Exception):
    """This run or walk cannot be planned."""


class Own(Pool):
    """The free memory of a plan. If none of a shape is free, it takes memory of another shape, as small as possible.

    Then the border is not zero. It is cleared only if a kernel reads it, see zero_around.
    """

    def __init__(self, new, most):
        super().__init__(new, most)
        self.shapes, self.zero = {}, {}  # by address of memory: its shapes so far; the shape whose border is zero now

    def take(self, shape):
        """Return memory for a buffer of this shape."""
        large = [of for of, pieces in self.free.items() if pieces and pieces[-1].size >= prod(shape) + SLACK]
        of = shape if self.free.get(shape) or not large else min(large, key=lambda of: self.free[of][-1].size)
        memory = super().take(of)
        address = memory.ctypes.data
        self.shapes.setdefault(address, set()).add(shape)
        if self.zero.get(address) != shape:
            self.zero.pop(address, None)
        return memory

    def zero_around(self, buffer):
        """Clear the border, if other maps may have lain there: a kernel is about to read it."""
        address = buffer.ctypes.data
        if address in self.shapes and self.zero.get(address) != buffer.shape:
            self.zero[address] = buffer.shape
            start(clear_border, buffer)


def clear_border(buffer):
    """Set the border to zero."""
    buffer[:, ::buffer.shape[1] - 1] = 0
    buffer[:, :, ::buffer.shape[2] - 1] = 0


class Plan:
    """made: what make(noting) returned. steps: the noted (function, arguments), in order. now: the list to which memory.start() adds.

    turn: a lock, held as long as arrays of the last repetition are in use. others: arrays outside the memory that steps use.
    read: names of records whose outputs are read by a step that is no kernel. wholes: {concatenation that is not yet computed:
    (its maps, the same to write to)}. room: the part of such maps into which a form must write its output, or None.
    """

    def __init__(self, make, noting):
        self.steps, self.others, self.read, self.turn = [], [], set(), threading.Lock()
        self.now, self.size, self.pool = self.steps, 0, Own(self.new, np.inf)
        self.wholes, self.room = {}, None
        MAKING.plan = self
        try:
            self.memory = line_aligned(MOST)
            self.made = make(noting)
            self.steps = [step for step in self.steps if step[0] is not clear_border or self.several(*step[1])]
            hold(self.size)
            weakref.finalize(self.memory.base, hold, -self.size).atexit = False
        except (NoPlanError, MemoryError):
            self.turn.acquire()  # it is never free
            self.memory, self.steps, self.others, self.now, self.scratch, self.size, self.made = None, [], [], [], None, 0, ()
            self.pool.empty()
        finally:
            MAKING.plan = self.pool.new = None  # without a circle of references, a plan ends with its network

    def new(self, size):
        """Return the next `size` floats of the memory. They start at a cache line. Raises NoPlanError at its end."""
        first, self.size = self.size, self.size + -(-size // 16) * 16
        if self.size > MOST:
            raise NoPlanError
        return self.memory[first:first + size]

    def holds(self, a):
        """Return True if the array lies in the plan's memory."""
        return np.may_share_memory(a, self.memory)

    def several(self, buffer):
        """Return True if the memory of this buffer is also used for other shapes."""
        return len(self.pool.shapes.get(buffer.ctypes.data, ())) > 1

    def apart(self, a):
        """Return an argument of a step. Instead of an array in the plan's memory, return one that does not keep its buffer in use."""
        if not isinstance(a, np.ndarray) or a.size == 0 or not self.holds(a):
            return a
        same = np.ndarray(a.shape, a.dtype, self.memory, a.ctypes.data - self.memory.ctypes.data, a.strides)
        same.flags.writeable = a.flags.writeable
        return same

    def keep(self, a):
        """Keep an array alive, because a step has its address."""
        if not self.holds(a):
            self.others.append(a)

    def places(self, y):
        """Return [place of y, place of the buffer with a border around y, or None], a place: (shape, bytes from the start, strides)."""
        begin, buffer = self.memory.ctypes.data, WRITTEN.get(y)
        if buffer is not None and self.several(buffer):
            self.steps.append((clear_border, (self.apart(buffer),)))  # whoever gets y may read its border
        return [None if a is None else (a.shape, a.ctypes.data - begin, a.strides) for a in (y, buffer)]

    def repeat(self):
        """Start all steps. Return view(places), a function that gives arrays. When all of these are deleted, the plan is free."""
        memory = np.ndarray(self.memory.shape, np.float32, self.memory.data)
        weakref.finalize(memory, self.turn.release).atexit = False
        with TURN():
            for function, arguments in self.steps:
                function(*arguments)
        memory = sealed(memory)

        def view(places):
            y, buffer = (place and np.ndarray(place[0], np.float32, memory, *place[1:]) for place in places)
            if buffer is not None:
                WRITTEN.set(y, buffer)
            return y
        return view


class Noting:
    """The backend while a plan is made. It lets another backend compute, and puts all arrays into the plan's memory."""

    def __init__(self, backend):
        self.backend, self.computed, self.rooms = backend, backend.computed, {}

    def again(self, what, *about):
        """Keep the seeds of a walk, and return None: see backend.NumPy, also for the other methods."""
        _, seeds, *_ = about
        MAKING.plan.seeds = {name: seed.base for name, seed in seeds.items()}

    def put_off(self, record):
        """Return a stand-in for the record's output, or None."""
        return self.backend.put_off(record)

    def forward(self, record):
        """Return the record's output."""
        if not pays(record):
            _ = record.x  # computes what waits
        plan, outer = MAKING.plan, MAKING.plan.room
        plan.room = self.place(*self.rooms.get(record.name, ()))
        try:
            return noted(lambda: (self.backend.forward(record),), *record.sources)[0]
        finally:
            plan.room = outer

    def place(self, concat=None, shape=None, first=None, end=None):
        """Return the channels first ... end - 1 of a concatenation, to write to; None without a concatenation."""
        MAKING.plan.room, wholes = None, MAKING.plan.wholes
        if concat is not None and concat not in wholes:
            wholes[concat] = maps(shape)
        return None if concat is None else wholes[concat][1][..., first:end]

    def back(self, rule, record, g):
        """Return the rule's signals."""
        if not pays(record, g):
            g = self.computed(g)
        return noted(lambda: self.backend.back(rule, record, g), record, *record.sources)

    def plus(self, g, m):
        """Return the sum of two signals."""
        return noted(lambda: (self.backend.plus(g, m),))[0]


def noted(compute, *read):
    """Return the arrays of compute(), which reads the outputs of the records `read`.

    If kernels made all of them, note their steps. Else note one step: compute, and copy.
    """
    plan = MAKING.plan
    before, plan.now = plan.now, []
    try:
        found = compute()
    finally:
        steps, plan.now = plan.now, before
    if all(isinstance(a, Waiting) or plan.holds(a) for a in found):
        plan.steps += steps
        return found
    if any(isinstance(a, Waiting) or a.dtype != np.float32 for a in found):
        raise NoPlanError
    plan.steps += [step for step in steps if step[0] is clear_border]  # compute() itself will not clear
    to = tuple(plan.new(a.size).reshape(a.shape) for a in found)

    def copy(found):
        for place, a in zip(to, found, strict=True):
            np.copyto(place, a)
    copy(found)
    plan.read.update(record.name for record in read)
    plan.steps.append((lambda: copy(compute()), ()))
    return to
