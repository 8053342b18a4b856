"""Hypothesis profiles, and where data beside the project lies. Tests that use it skip where it is absent."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("dev", max_examples=400, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=40, deadline=None, derandomize=True, database=None,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job: programs under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared():
    """The folder with photos, mini weight files and peers' outputs that stands beside a development checkout."""
    if not SHARED.is_dir():
        pytest.skip("no shared/ folder beside this checkout: its photos and weight files are not part of the project")
    return SHARED


@pytest.fixture(scope="session")
def squeezenet(shared):
    import tinyattr as ta

    return ta.load(shared / "weights_examples" / "squeezenet_v1.0_dc.h5")
