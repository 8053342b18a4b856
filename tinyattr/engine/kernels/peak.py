"""How fast this machine multiplies and adds: what the other kernels are measured by."""

from time import perf_counter

import numba
import numpy as np
from numba import prange
from numba.extending import intrinsic

from tinyattr.engine.kernels.tile import W, splat
from tinyattr.engine.kernels.vector import multiply_add, parallel_kernel, pointer, repeater, signed, store_rows

CHAINS = 12  # sums that do not wait for each other: enough for two units of five cycles each, and for 16 registers
ROUNDS = 1_000_000

repeat = repeater(CHAINS)


@intrinsic
def step(typing, acc, a, b):
    """acc[r] a + b for every r."""
    def build(context, builder, signature, values):
        rows, a_, b_ = values
        for r in range(acc.count):
            rows = builder.insert_value(rows, multiply_add(builder, builder.extract_value(rows, r), a_, b_), r)
        return rows
    return acc(acc, a, b), build


@parallel_kernel
def _chains(rounds, out):
    for unit in prange(len(out)):
        acc, a, b = repeat(splat(np.float32(1))), splat(np.float32(0.5)), splat(np.float32(0.5))
        for _ in range(rounds):
            acc = step(acc, a, b)
        store_rows(pointer(out, signed(unit) * CHAINS * W), W, acc)


def peak(tries=100):
    """The most multiplications and additions per second on all threads, in registers only, float32."""
    out = np.empty((numba.get_num_threads(), CHAINS, W), np.float32)
    _chains(1, out)
    best = np.inf
    for _ in range(tries):
        start = perf_counter()
        _chains(ROUNDS, out)
        best = min(best, perf_counter() - start)
    return 2 * ROUNDS * out.size / best
