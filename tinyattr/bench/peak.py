"""Measure how fast this machine multiplies and adds, and how fast it moves numbers: the limits for all kernels."""

from time import perf_counter

import numba
import numpy as np
from numba import prange
from numba.extending import intrinsic

from tinyattr.kernels.pointwise import one_pass
from tinyattr.kernels.tile import W, splat
from tinyattr.kernels.vector import multiply_add, parallel_kernel, pointer, row_loader, signed, store_rows

CHAINS = 12  # independent sums: enough for two units that need five cycles each, and few enough for 16 registers
ROUNDS = 1_000_000

load_chains = row_loader(CHAINS, W)


@intrinsic
def step(typing, acc, a, b):
    """Return acc[r] a + b for every r."""
    def build(context, builder, signature, values):
        rows, a_, b_ = values
        for r in range(acc.count):
            rows = builder.insert_value(rows, multiply_add(builder, builder.extract_value(rows, r), a_, b_), r)
        return rows
    return acc(acc, a, b), build


@parallel_kernel
def _chains(rounds, x, a, b):
    """Repeat x = a x + b. The compiler does not know the numbers, so it must compute all of them."""
    for unit in prange(len(x)):
        own = pointer(x, signed(unit) * CHAINS * W)
        acc = load_chains(own, W)
        for _ in range(rounds):
            acc = step(acc, splat(a), splat(b))
        store_rows(own, W, acc)


def peak(tries=100):
    """Return how many multiplications and additions per second all threads can do with float32 numbers in registers."""
    x = np.random.default_rng(0).random((numba.get_num_threads(), CHAINS, W), np.float32)
    a, b = np.float32(-0.999), np.float32(0.999)
    _chains(1, x, a, b)
    best = np.inf
    for _ in range(tries):
        start = perf_counter()
        _chains(ROUNDS, x, a, b)
        best = min(best, perf_counter() - start)
    return 2 * ROUNDS * x.size / best


def bandwidth(tries=10, size=1 << 25):
    """Return bytes read and written per second, when all threads copy `size` floats: too many for the caches."""
    x, y = np.ones((2, 64, size >> 16, 1, 1024), np.float32)
    one_pass(x, y)
    best = np.inf
    for _ in range(tries):
        start = perf_counter()
        one_pass(x, y)
        best = min(best, perf_counter() - start)
    return 2 * x.nbytes / best
