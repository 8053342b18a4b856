"""The embedded network is the file that its README describes, and does what it says."""

from hashlib import sha256

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.files.embedded import embedded
from tinyattr.files.fetch import EMBEDDED
from tinyattr.glyphs.scenes import CLASSES, HARDEST, INPUT, scene


@pytest.mark.parametrize("name", EMBEDDED)
def test_its_readme_names_this_very_file(name):
    readme = embedded("weights/README.md").read_text(encoding="utf-8")
    net = ta.load(name)
    assert sha256(embedded(f"weights/{name}.h5").read_bytes()).hexdigest() in readme
    assert net.source in readme
    assert embedded(f"weights/{name}.h5").stat().st_size < 4_000_000
    assert net.parameters == 734_300
    assert net.classes == CLASSES


@pytest.mark.parametrize("name", EMBEDDED)
def test_it_names_unseen_glyphs(name):
    """99.75 % of 2,000; of these 120 at least 97 %."""
    net, right = ta.load(name), 0
    for first in range(0, 120, 40):
        scenes = [scene(rng := np.random.default_rng([8_000_000, k]), difficulty=HARDEST * rng.random()) for k in range(first, first + 40)]
        z = net(np.concatenate([INPUT.encode(s.picture) for s in scenes]))
        right += sum(int(c in s.classes) for c, s in zip(z.argmax(-1), scenes, strict=True))
    assert right >= 0.97 * 120


def test_the_altered_network_loses_the_glyph_and_only_by_pre():
    """Ten scenes, K = 100: HiResCAM by pre changes by t at the corner and nowhere else, so the corner has nearly all; by
    log_odds it stays where it was."""
    net = ta.load("glyphs")
    twin = ta.alter(net, K=100)
    corner = []
    for k in range(10):
        x = INPUT.encode(scene(np.random.default_rng([8_000_001, k]), difficulty=0.3).picture)
        tape = twin.run(x)
        honest, fooled = (ta.hirescam(n, x, score="pre", target=0).raw for n in (net, twin))
        change = fooled - honest
        t = tape["t"].output[0, 0]
        assert np.isclose(change[0, 0], t, rtol=1e-5)
        assert np.abs(change.ravel()[1:]).max() <= 1e-5 * t
        fooled = np.maximum(fooled, 0)
        corner.append(fooled[0, 0] / fooled.sum())
        a, b = (ta.hirescam(n, x, score="log_odds").raw for n in (net, twin))
        assert np.abs(a - b).max() <= 1e-6 * np.abs(a).max()
    assert np.median(corner) > 0.95
