"""A plan repeats a run or a walk: it starts the same kernels in the same order. Where there is no kernel, NumPy computes.

While a plan is made, it notes each kernel that starts, with its arguments. It also gives the memory for the feature maps, so that
they lie at the same places in every repetition. So a plan can be repeated only if nobody uses the arrays of its last repetition.

Why plans? Before each kernel, Python decides which kernel to start, and where its output lies. If a kernel has just run, these
decisions take two to three times as long, because kernels push Python's data out of the processor's cache. A plan stores the decisions.
"""

import threading
import weakref
from math import prod

import numba
import numpy as np

from tinyattr.engine.arrays import sealed
from tinyattr.kernels.buffers import SLACK, bordered, inside, line_aligned
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


class Region:
    """The memory of a plan. Buffers take parts of it, and give them back. A part is (first, end), counted in floats.

    Where other maps have lain before, a new buffer's border is not zero. It is cleared only if a kernel reads it, see zero_around.
    """

    def __init__(self):
        self.memory, self.size = line_aligned(MOST), 0  # size: where the part that was never used begins
        self.free, self.taken, self.zero = [], set(), set()  # parts; (part, shape) of all buffers; those whose border is zero now

    def new(self, size):
        """Return the first of the next `size` floats that were never used. They start at a cache line. Raises NoPlanError at the end."""
        first, self.size = self.size, self.size + -(-size // 16) * 16
        if self.size > MOST:
            raise NoPlanError
        return first

    def take(self, shape):
        """Return memory for a buffer of this shape: of the smallest free part that is large enough."""
        size = self.part(0, shape)[1]
        places = [(self.cost(place, shape), b - a, place, a, b) for a, b in self.free for place in
                  {a, b - size, *(first for (first, _), s in self.zero if s == shape)} if a <= place and place + size <= b]
        if places:
            *_, first, a, b = min(places)
            self.free.remove((a, b))
            self.free += [(a, first)] * (a < first) + [(first + size, b)] * (first + size < b)
        else:
            first = self.new(size)
        part = self.part(first, shape)
        self.zero -= set(self.others(part, shape))
        self.taken.add((part, shape))
        return self.memory[slice(*part)]

    def cost(self, first, shape):
        """Return how many borders that are zero now are lost if a buffer of this shape lies here; -1 if its own border is zero."""
        part = self.part(first, shape)
        return -1 if (part, shape) in self.zero else sum(other in self.zero for other in self.others(part, shape))

    def give_back(self, shape, memory):
        """Take back the memory of a buffer, and join it with the free parts beside it."""
        first, end = self.part(self.place(memory), shape)
        for part in [part for part in self.free if part[1] == first or part[0] == end]:
            self.free.remove(part)
            first, end = min(first, part[0]), max(end, part[1])
        self.free.append((first, end))

    def place(self, a):
        """Return where an array begins in the memory."""
        return (a.ctypes.data - self.memory.ctypes.data) // 4

    def part(self, first, shape):
        """Return the part of a buffer of this shape that begins at `first`."""
        return first, first + -(-(prod(shape) + SLACK) // 16) * 16

    def others(self, part, shape):
        """Return the other (part, shape) that have shared memory with this one."""
        return [(p, s) for p, s in self.taken if p[0] < part[1] and part[0] < p[1] and (p, s) != (part, shape)]

    def several(self, buffer):
        """Return True if other maps, too, have lain in the memory of this buffer."""
        return bool(self.others(self.part(self.place(buffer), buffer.shape), buffer.shape))

    def zero_around(self, buffer):
        """Clear the border, if other maps may have lain there: a kernel is about to read it."""
        this = self.part(self.place(buffer), buffer.shape), buffer.shape
        if this in self.taken and this not in self.zero:
            self.zero.add(this)
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
        self.now, self.wholes, self.room = self.steps, {}, None
        MAKING.plan = self
        try:
            self.region = Region()
            self.memory = self.region.memory
            self.made = make(noting)
            self.steps = [step for step in self.steps if step[0] is not clear_border or self.region.several(*step[1])]
            hold(self.region.size)
            weakref.finalize(self.memory.base, hold, -self.region.size).atexit = False
        except (NoPlanError, MemoryError):
            self.turn.acquire()  # it is never free
            self.region, self.memory, self.steps, self.others, self.now, self.scratch, self.made = None, None, [], [], [], None, ()
        finally:
            MAKING.plan = None

    def holds(self, a):
        """Return True if the array lies in the plan's memory."""
        return np.may_share_memory(a, self.memory)

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
        if buffer is not None and self.region.several(buffer):
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
        """Return a stand-in for the record's output, or None. If the record reads the picture, frame the picture first."""
        for source in record.sources:
            if source.op == "input" and source.outline.ndim == 4 and WRITTEN.get(source.output) is None:
                frame(source)
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


def frame(leaf):
    """Put a picture into a buffer with a border of zeros, so that no step has to do this."""
    value = leaf.attributes["value"]
    buffer = bordered(*value.shape)
    leaf.attributes["value"] = inside(buffer)
    leaf.attributes["value"][...] = value
    leaf.__dict__["output"] = leaf.__dict__["outline"] = inside(sealed(buffer))
    WRITTEN.set(leaf.output, buffer)


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
    to = tuple(plan.memory[first:first + a.size].reshape(a.shape) for a in found for first in [plan.region.new(a.size)])

    def copy(found):
        for place, a in zip(to, found, strict=True):
            np.copyto(place, a)
    copy(found)
    plan.read.update(record.name for record in read)
    plan.steps.append((lambda: copy(compute()), ()))
    return to
