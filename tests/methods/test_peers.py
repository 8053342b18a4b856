"""All methods, scores and metrics equal the peers', original and altered: captum, pytorch-grad-cam, torchcam, zennit, shap.

tests/methods/oracle.py says what is compared with what; `python -m tests.methods.oracle` prints the table.
"""

import re

import numpy as np
import pytest

import tinyattr as ta
from tests.generated import PAGES, ROOT
from tests.methods import oracle
from tests.references import network_of, peers


@pytest.mark.parametrize("name", sorted(oracle.FILES))
def test_every_stored_output_of_the_peers(name, monkeypatch):
    monkeypatch.setitem(ta.SCORES, "rest", oracle.rest)
    rows = list(oracle.compared(name))
    assert len(rows) == {"peers_fc": 1360, "peers_gap": 578}[name]
    assert not [entry for entry, off, _ in rows if off is None and not oracle.reason(entry)]
    assert not [(entry, off) for entry, off, limit in rows if off is not None and not off <= limit]
    assert sum(off is None for _, off, _ in rows) <= 0.02 * len(rows)


def test_the_page_says_how_many_agree():
    entries = [entry for name in oracle.FILES for entry in peers(name)["entries"].tolist()]
    offered = [entry for entry in entries if not re.search(oracle.NOT_OFFERED, entry)]
    agree = [entry for entry in offered if not oracle.reason(entry)]
    page = " ".join((PAGES / "methods.md").read_text(encoding="utf-8").split())
    assert f"{len(agree):,} of {len(offered):,} entries agree with the paper's or with the library's own formula. " in page
    assert f"({len(entries) - len(offered)} more" in page
    assert f"In the other {len(offered) - len(agree)} entries" in page
    theirs = sum(bool(oracle.reason(entry, oracle.DEFECTS)) for entry in agree)
    assert f"In {theirs} of the entries that agree, the other library does not follow the method's paper" in page
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"compares {len(offered):,} outputs of captum, pytorch-grad-cam, torchcam, zennit and shap" in readme


def test_fingerprints_see_small_differences(monkeypatch):
    """A relative change of 1e-7 in one number of a map is found by the stored products alone."""
    monkeypatch.setitem(ta.SCORES, "rest", oracle.rest)
    stored = peers("peers_gap")
    entry = "orig/pre/captum.gradient"
    G = dict(oracle.ours(stored, "orig", "pre"))["captum.gradient"]
    assert oracle.difference(entry, G, stored) < 1e-13
    G[1, 5, 7] += 1e-7 * np.abs(G).max()
    assert oracle.difference(entry, G, stored) > 1e-8


def test_the_attack_on_the_tape_is_the_attack_in_the_weights():
    """t by four more layers, and t by one more unit in each dense layer, are one function: same logits, same maps.

    Rules that take layers apart see two different networks, so z+ and the like may differ; LRP-0 may not.
    """
    stored = peers("peers_fc")
    x, c, layer = stored["x"][None], int(stored["target"]), str(stored["cam_layer"])
    on_tape = ta.alter(network_of(stored, "orig"), K=float(stored["K"]), layer=layer)
    in_weights = network_of(stored, "alt")
    assert np.allclose(on_tape(x), in_weights(x), rtol=1e-12)
    for name, method in ta.METHODS.items():
        if name == "excitation_backprop":
            continue
        options = {"composite": "zero"} if name == "lrp" else {}
        a, b = (method(n, x, c, score="pre", **options).raw for n in (on_tape, in_weights))
        assert np.abs(a - b).max() <= 1e-10 * np.abs(b).max(), name
