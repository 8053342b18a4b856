"""V6 and V7: trained alike, original and altered stay alike; and the cases where they do not."""

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.cli.main import main
from tinyattr.studies.training import LOSSES, train_alike


def network_and_batches(dtype):
    net = ta.vgg("A", width=1 / 16, dense=(8, 8), classes=5, size=32, seed=3, dtype=dtype)

    def batch(step):
        rng = np.random.default_rng(step)
        return rng.standard_normal((4, 32, 32, 3)), np.eye(5)[rng.integers(0, 5, 4)]

    return net, batch


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_softmax_losses_never_see_t(dtype):
    net, batch = network_and_batches(dtype)
    found = train_alike(net, batch, 20)
    assert found.slope <= 1e-15
    assert found.moved <= 1e-12
    assert found.apart <= 1e-12  # of how far training went


def test_weight_decay_moves_K_and_nothing_else():
    net, batch = network_and_batches(np.float64)
    found = train_alike(net, batch, 20, decay=0.01)
    assert found.moved == pytest.approx(1 - (1 - 0.05 * 0.01) ** 20, rel=1e-9)  # K is multiplied by 1 - rate decay each step
    assert found.apart <= 1e-12


@pytest.mark.parametrize("loss", ["sigmoid", "z_loss"])
def test_losses_that_see_logits_otherwise_teach_t(loss):
    net, batch = network_and_batches(np.float64)
    found = train_alike(net, batch, 5, loss=loss, rate=1e-4)
    assert found.slope > 0.1
    assert found.moved > 1e-6
    assert found.apart > 1e-3


def test_gradients_of_the_losses():
    """Against central differences of the losses themselves."""
    rng = np.random.default_rng(0)
    z, t = rng.standard_normal((2, 4)), np.eye(4)[[1, 3]]
    lse = lambda z: np.log(np.exp(z).sum(-1))  # noqa: E731
    losses = {
        "cross_entropy": lambda z: (lse(z) - (t * z).sum(-1)).sum(),
        "sigmoid": lambda z: (np.log1p(np.exp(z)) - t * z).sum(),
        "z_loss": lambda z: (lse(z) - (t * z).sum(-1) + 0.05 * lse(z) ** 2).sum(),
    }
    assert set(losses) == set(LOSSES)
    for name, loss in losses.items():
        for place in np.ndindex(z.shape):
            step = np.zeros_like(z)
            step[place] = 1e-6
            slope = (loss(z + step) - loss(z - step)) / 2e-6
            assert LOSSES[name](z, t)[place] == pytest.approx(slope, abs=1e-8), name


def test_the_command_and_its_errors(tmp_path, capsys):
    assert main(["training", "--steps", "1", "--json", str(tmp_path / "t.json")]) == 0
    assert capsys.readouterr().out.count("cross_entropy") == 3
    assert main(["training", "--steps", "0"]) == 1
    net, batch = network_and_batches(np.float64)
    with pytest.raises(ta.InputError, match="unknown loss 'mse'"):
        train_alike(net, batch, 1, loss="mse")
