"""Record what the times depend on: processor, lanes (floats in a register), threads, versions, settings, load."""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tinyattr.errors import InputError
from tinyattr.kernels.dispatch import forms

SETTINGS = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "OMP_NUM_THREADS",
            "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
PACKAGES = ("tinyattr", "numpy", "numba", "torch", "captum", "grad-cam", "onnxruntime", "openvino",
            "ncnn")


def machine():
    """Return these facts as plain data. Raises InputError without Numba."""
    if not forms():  # this call starts Numba with our settings; it takes half a second
        raise InputError("the bench measures the kernels, which need Numba: install it (python3 -m pip install numba), "
                         "and do not set NUMBA_DISABLE_JIT")
    import numba

    from tinyattr.bench.peak import bandwidth, peak
    from tinyattr.kernels.tile import W

    return {
        "processor": processor(), "threads": numba.get_num_threads(), "lanes": W,
        "registers": {16: "AVX-512", 8: "AVX2", 4: "four floats wide"}[W], "peak_gflops": peak() / 1e9,
        "peak_gbytes": bandwidth() / 1e9,
        "versions": {name: v for name in PACKAGES if (v := installed(name))},
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ}, "load": load_average(),
    }


def processor():
    """Return the processor's name."""
    try:
        return re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))[1]
    except (OSError, TypeError):
        return platform.processor() or platform.machine()


def installed(name):
    """Return the version of a package, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def load_average():
    """Return the mean number of runnable processes in the last minute, or None if the system does not count them."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
