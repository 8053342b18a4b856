"""Claims of other papers: their algebra on small networks, their verdicts on the embedded one, and the page's table."""

import json
from dataclasses import replace

import numpy as np
import pytest

import tinyattr as ta
from tests import claims_table
from tests.generated import PAGES
from tests.methods.toys import toy
from tinyattr.cli.main import main
from tinyattr.studies.reproduce import CLAIMS
from tinyattr.studies.reproduce.claim import above
from tinyattr.studies.reproduce.contrast import blurred, formed
from tinyattr.studies.reproduce.diffgradcam import BOUND, frame, sawtooth
from tinyattr.studies.reproduce.rest import row_sizes
from tinyattr.studies.reproduce.sigmoid_branch import features, sigmoid_branch
from tinyattr.studies.samples import Picture, scenes

STORED = json.loads(claims_table.STORED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def glyphs():
    return ta.load("glyphs")


def small(kernel, size=8):
    """(net, pictures): a convolution, a ReLU, a mean over places, and a last layer with this kernel (3, n)."""
    rng = np.random.default_rng(1)
    layers = [("conv", "conv2d", {"padding": 1}), ("A", "relu", {}), ("gap", "global_avg_pool", {}), ("logits", "dense", {})]
    weights = {"conv": (rng.standard_normal((3, 3, 3, 3)), rng.standard_normal(3)), "logits": (kernel, np.zeros(len(kernel[0])))}
    net = ta.network(layers, weights, features="A", input=ta.InputSpec(size, mean=(128.0,) * 3, scale=(64.0,) * 3))
    return net, [Picture("noise", rng.integers(0, 256, (size, size, 3)).astype(np.uint8)) for _ in range(4)]


def test_the_table_is_that_of_the_stored_results():
    text = (PAGES / "claims.md").read_text(encoding="utf-8")
    assert text == claims_table.with_table(text), "run: python -m tests.claims_table"
    assert list(STORED) == list(CLAIMS) == list(claims_table.SAYS)


@pytest.mark.parametrize("name", ["rest", "diffgradcam", "beyond_softmax"])
def test_a_few_scenes_are_judged_as_stored(name, glyphs):
    """The same parts hold; the verdict has the same words. (Without masks, no branch of sigmoids is trained.)"""
    found = CLAIMS[name](glyphs, [replace(p, mask=None) for p in scenes(2)])
    assert [claim.holds for claim in found.claims] == [claim["holds"] for claim in STORED[name]["claims"]][:len(found.claims)]
    words, stored = ([word for word in text.split("sigmoid branch")[0].split() if not any(letter.isdigit() for letter in word)]
                     for text in (found.verdict, STORED[name]["verdict"]))
    assert words[:-1] == stored[:-1]


def test_contrasts_of_the_first_scenes_are_the_stored_ones(glyphs):
    """r_1 and r_2 by all contrasts, picture by picture; a few pixels may change sides where another processor rounds otherwise."""
    found = CLAIMS["contrast"](glyphs, scenes(3))
    count = len(found.values["untouched"][0])
    assert count == 3
    for name, relative in STORED["contrast"]["values"].items():
        assert np.allclose(found.values[name], np.array(relative)[:, :count], atol=0.01), name


def test_contrasts_are_maps_of_scores():
    """Weighted: log_odds. Mean, alpha = 1/(n-1): n/(n-1) centred. Max: margin. Formed from the maps of all logits."""
    net, x = toy(3)
    tape = net.run(x)
    L = [ta.grad_cam(net, tape, j, "pre").raw for j in range(4)]
    by = {s: ta.grad_cam(net, tape, 2, s).raw for s in ("log_odds", "centred", "margin")}
    strongest = int(np.delete(net(x)[0], 2).argmax())
    assert np.allclose(formed(net, tape, 2, "A"), by["log_odds"], rtol=1e-10, atol=1e-12)
    assert np.allclose(L[2] - (L[0] + L[1] + L[3]) / 3, 4 / 3 * by["centred"], rtol=1e-10, atol=1e-12)
    assert np.allclose(L[2] - L[strongest + (strongest >= 2)], by["margin"], rtol=1e-10, atol=1e-12)


def test_the_blur_in_loops():
    """Weights e^{-d^2 / 2 sigma^2} up to a distance of 10/3 sigma, those beyond an edge of its mirror image; sum 1."""
    x, sigma = np.random.default_rng(0).standard_normal((1, 9, 7, 2)), 0.6
    reach = range(-2, 3)
    w = np.exp(-np.square(reach) / (2 * sigma**2))
    w /= w.sum()
    found = np.zeros_like(x)
    for i, j in np.ndindex(9, 7):
        for a, b in np.ndindex(5, 5):
            rows, columns = (min(abs(k), 2 * (n - 1) - abs(k)) for k, n in ((i + reach[a], 9), (j + reach[b], 7)))
            found[0, i, j] += w[a] * w[b] * x[0, rows, columns]
    assert np.allclose(blurred(x, sigma), found, rtol=1e-12, atol=1e-13)


def test_two_standard_errors():
    assert above([2.0, 4.0], [0.9, 1.1])  # differences 1.1 and 2.9: mean 2, standard error 0.9
    assert not above([2.0, 6.0], [0.9, 1.1])  # 1.1 and 4.9: mean 3, standard error 1.9
    assert not above([5.0], [0.0])  # one picture has no error


def test_the_row_of_rest_is_its_gradient():
    """S = z_c + log y_c: |dS/dz| by central differences; the row sums to 1, so that t moves it."""
    z = np.random.default_rng(4).standard_normal(5)
    score = lambda z: z[2] + ta.SCORES["log"](z, 2)[0]  # noqa: E731
    slopes = np.array([(score(z + h) - score(z - h)) / 2e-5 for h in 1e-5 * np.eye(5)])
    assert row_sizes(z, 2)[0] == pytest.approx(np.linalg.norm(slopes), rel=1e-8)
    assert slopes.sum() == pytest.approx(1, abs=1e-8)


def test_the_frame():
    """28 of 49 places; their entropy is log 28 = 3.33, as the summary of SHAM has it."""
    assert frame(7, 7).sum() == 28
    assert frame(4, 5).astype(int).tolist() == [[1] * 5, [1, 1, 0, 1, 1], [1, 1, 0, 1, 1], [1] * 5]


def test_the_sawtooth_moves_one_logit_by_less_than_its_bound():
    net, x = toy(5)
    M = np.random.default_rng(5).standard_normal((4, 4, 3))
    hoax = sawtooth(net, M, 10.0, "A", np.eye(4)[[1]])
    moved = (hoax(x) - net(x))[0]
    A = net.run(x)["A"].output[0]
    assert np.allclose(moved, np.eye(4)[1] * (10 * (M * A).sum() % BOUND), atol=1e-12)
    g = [ta.gradient(n, x, 1, "log_odds", layer="A").direction for n in (net, hoax)]
    slope = np.abs(g[1] - g[0] - 10 * M).max()
    assert slope <= 10 * BOUND * np.abs(g[0]).max()  # and the rivals' softmax is not touched at all


def test_differences_are_grad_cam_where_two_classes_are_opposite():
    """Then the claim holds, and the verdict says so."""
    w = np.random.default_rng(2).standard_normal((3, 1))
    net, pictures = small(np.concatenate([w, -w], 1))
    found = CLAIMS["diffgradcam"](net, pictures)
    assert found.claims[0].holds
    assert "maps of differences equal those of Grad-CAM" in found.verdict
    net, pictures = small(np.random.default_rng(2).standard_normal((3, 4)))
    assert not CLAIMS["diffgradcam"](net, pictures).claims[0].holds


def test_on_a_class_activation_map_sign_collapse_leaves_nothing():
    """All weights are negative then, and so is the map: its ReLU is zero, and what is shown has nothing to do with it."""
    net, pictures = small(np.random.default_rng(7).standard_normal((3, 4)))
    found = CLAIMS["beyond_softmax"](net, pictures)
    assert found.claims[2].holds
    assert found.claims[2].measured.endswith("-> 0.00, correlation of maps 0.00")
    assert found.claims[3].holds


def test_a_sigmoid_branch_without_features_learns_how_often_a_class_is_there():
    """H = 0: s(b_i) = (n - 1) f_i / ((n - 1) f_i + 1 - f_i), f_i the share of class i; the kernel stays as it was."""
    net, _ = small(np.random.default_rng(7).standard_normal((3, 4)))
    t = np.eye(4)[[0, 0, 0, 0, 1, 1, 2, 3]]
    branch = sigmoid_branch(net, np.zeros((8, 3)), t, steps=2000, rate=0.05)
    f = np.array([4, 2, 1, 1]) / 8
    W, b = branch.weights["logits"]
    assert np.allclose(1 / (1 + np.exp(-b)), 3 * f / (3 * f + 1 - f), atol=1e-4)
    assert np.array_equal(W, net.weights["logits"][0])


def test_sigmoids_learn_glyphs_and_forget_a_shift_by_and_by(glyphs):
    """A shift that was planted in all classes gets smaller with training, where cross-entropy would keep it; answers stay right."""
    H, t = features(glyphs, 12)
    assert t.shape == (12, 20)
    W, b = glyphs.weights["predictions"]
    shifted = replace(glyphs, weights={**glyphs.weights, "predictions": (W, b + 5)})
    before = abs(b.mean() + 5 - sigmoid_branch(glyphs, H, t).weights["predictions"][1].mean())
    after = sigmoid_branch(shifted, H, t)
    assert abs(after.weights["predictions"][1].mean() - sigmoid_branch(glyphs, H, t).weights["predictions"][1].mean()) < before
    z = H @ after.weights["predictions"][0] + after.weights["predictions"][1]
    assert (z.argmax(1) == t.argmax(1)).all()


def test_one_logit_cannot_be_moved_alone_by_what_all_share():
    """The gradient is the picture asked for, as stored for the embedded network, which takes longer in float64."""
    net, pictures = small(np.random.default_rng(8).standard_normal((3, 4)))
    found = CLAIMS["freedom"](net, pictures)
    assert [claim.holds for claim in found.claims] == [claim["holds"] for claim in STORED["freedom"]["claims"]] == [True] * 4
    assert found.verdict.split(";")[0] == STORED["freedom"]["verdict"].split(";")[0]


@pytest.mark.parametrize(("arguments", "words"), [
    (["rest", "--target", "3"], "explains the classes that the network predicts"), (["fig3", "--pictures", "4"], "--pictures is for contrast"),
    (["freedom", "--layer", "block5_pool"], "not at layer 'block5_pool'"), (["rest", "--pictures", "0"], "--pictures must be at least 1"),
    (["rest", "--pictures", "2", "--image", "photo.png"], "leave --pictures out"),
])
def test_what_makes_no_sense(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *arguments]) == 1
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_no_second_class_and_no_last_weights():
    net, pictures = small(40 * np.random.default_rng(2).standard_normal((3, 4)))
    with pytest.raises(ta.InputError, match="does a second class have a probability of 0.1"):
        CLAIMS["contrast"](net, pictures)
    with pytest.raises(ta.InputError, match="ends with 'add'"):
        CLAIMS["beyond_softmax"](ta.alter(net), pictures)


def test_a_photo_of_ones_own(tmp_path, capsys):
    """--image measures on it alone; claim, measurement, verdict and figure are there."""
    from PIL import Image

    Image.fromarray(scenes(1)[0].pixels).save(tmp_path / "a.png")
    assert main(["reproduce", "rest", "--image", str(tmp_path / "a.png"), "--net", "glyphs", "--out", str(tmp_path / "rest.png")]) == 0
    told = capsys.readouterr().out
    assert [word in told for word in ("Claim: ReST", "Algebra:", "measured:", "verdict:")] == [True] * 4
    assert (tmp_path / "rest.png").stat().st_size > 10_000
