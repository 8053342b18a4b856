"""Damaged weight files by the thousand: each must load or be refused by one InputError, quickly and in little memory.

python -m tests.files.fuzz FILE FIRST COUNT     mutants FIRST ... of FILE; the tests run a few, a longer run is by hand

A mutant that kills the process (a crash inside a library, a hang, too much memory) is the last seed on standard output.
"""

import resource
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

import tinyattr as ta

SECONDS, MEGABYTES = 5, 400  # a mutant may take: far above the second and 200 MB that it should, whatever the machine does
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)


def mutant(content, seed):
    """A damaged copy: flipped bits, other bytes, numbers that mean much, a cut, a stretch copied elsewhere."""
    rng = np.random.default_rng(seed)
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(len(data)))
        match rng.integers(6):
            case 0:
                data[at] ^= 1 << int(rng.integers(8))
            case 1:
                data[at] = int(rng.integers(256))
            case 2 | 3:
                form = str(rng.choice(["<B", "<H", "<I", "<Q"]))
                size = struct.calcsize(form)
                number = NUMBERS[rng.integers(len(NUMBERS))] & (1 << 8 * size) - 1
                data[at : at + size] = struct.pack(form, number)
            case 4:
                start, length = int(rng.integers(len(data))), int(rng.integers(1, 64))
                data[at : at + length] = data[start : start + length]
            case 5:
                if rng.random() < 0.2:
                    del data[at:]
                else:
                    del data[at : at + int(rng.integers(1, 9))]
        if not data:
            break
    return bytes(data)


def main(file, first, count):
    content = Path(file).read_bytes()
    outcomes, slowest, before = Counter(), (0, None), ta.load(file)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mutant")
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for seed in range(first, first + count):
            print(seed, end="\r", flush=True)
            path.write_bytes(mutant(content, seed))
            signal.alarm(SECONDS)
            start = time.perf_counter()
            try:
                net = ta.load(path)
                same = net.weights.keys() == before.weights.keys() and all(
                    (np.array_equal(a, b)) for n in net.weights for a, b in zip(net.weights[n], before.weights[n], strict=True))
                outcomes["same" if same else "other numbers"] += 1
            except ta.InputError as error:
                if "\n" in str(error):
                    raise
                outcomes["refused"] += 1
            signal.alarm(0)
            slowest = max(slowest, (time.perf_counter() - start, seed), key=lambda pair: pair[0])
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
            assert grown < MEGABYTES, f"{grown:.0f} MB"
    print(f"{Path(file).name}: {dict(outcomes)}, slowest {slowest[0]:.2f} s (seed {slowest[1]}), {grown:.0f} MB more at most")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
