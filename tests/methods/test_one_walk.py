"""One walk serves a map and its receipt, and all methods that read the same signals in their own way."""

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.methods import request
from tinyattr.methods.request import ask


@pytest.fixture
def walks(monkeypatch):
    """The list of books that were walked so far."""
    found, walk = [], request.walk
    monkeypatch.setattr(request, "walk", lambda tape, seeds, book, to, **o: found.append(book) or walk(tape, seeds, book, to, **o))
    return found


@pytest.fixture(scope="module")
def asked():
    net = ta.vgg("A", width=1 / 16, classes=5, size=32, dtype=np.float64)
    return net, net.run(np.random.default_rng(0).standard_normal((1, 32, 32, 3)))


@pytest.mark.parametrize(("method", "count"), [
    ("grad_cam", 1), ("hirescam", 1), ("xgrad_cam", 1), ("input_x_gradient", 1), ("fullgrad", 1), ("eigen_cam", 0),
    ("guided_grad_cam", 2), ("lrp", 1), ("deeplift", 1),
])
def test_a_map_and_its_receipt_take_one_walk(walks, asked, method, count):
    net, tape = asked
    ta.METHODS[method](net, tape, 1, "log_odds")
    assert len(walks) == count


def test_methods_of_one_request_share_its_walks(walks, asked):
    net, tape = asked
    shared = ask(net, tape, 1, "log_odds")
    readers = ("input_x_gradient", "gradient", "fullgrad", "grad_cam", "hirescam", "layercam", "xgrad_cam")
    together = [ta.METHODS[m](net, shared, 1, "log_odds") for m in readers]
    assert walks == [ta.GRADIENT]
    for m, heat in zip(readers, together, strict=True):
        assert (heat.raw == ta.METHODS[m](net, tape, 1, "log_odds").raw).all()


@pytest.mark.parametrize("layer", ["input", "block2_conv1", "block3_pool", "block5_pool"])
def test_a_shared_walk_changes_no_map_and_no_receipt(asked, layer):
    """Shares of biases before the layer, which a deeper walk passed as well, are not the layer's."""
    net, tape = asked
    shared = ask(net, tape, 1, "log_odds")
    shared.signals(to="input")
    for name in ("gradient", "input_x_gradient", "grad_cam", "hirescam", "xgrad_cam", "lrp", "deeplift"):
        together, alone = (ta.METHODS[name](net, x, 1, "log_odds", layer) for x in (shared, tape))
        assert (together.raw == alone.raw).all()
        assert together.receipt == alone.receipt
        assert together.receipt is None or abs(together.receipt.gap) < 1e-12


def test_another_question_gets_another_walk(walks, asked):
    """The walks of a request answer for its own network, class and score only."""
    net, tape = asked
    shared = ask(net, tape, 1, "log_odds")
    ta.grad_cam(net, shared, 1, "log_odds")
    other = ta.alter(net)
    for n, x, c, score in ((net, shared, 2, "log_odds"), (net, shared, 1, "pre"), (other, other.run(shared.x), 1, "log_odds")):
        before = len(walks)
        heat = ta.grad_cam(n, x, c, score)
        assert len(walks) == before + 1
        assert (heat.target, heat.score) == (c, score)
        fresh = ta.grad_cam(n, n.run(shared.x), c, score)
        assert (heat.raw == fresh.raw).all()


def test_a_deeper_walk_serves_a_layer_above_it(walks, asked):
    net, tape = asked
    shared = ask(net, tape, 1, "pre")
    shared.signals(to="input")
    shared.signals(to="block3_pool")
    assert len(walks) == 1
    shared = ask(net, tape, 1, "pre")
    shared.signals(to="block5_pool")
    shared.signals(to="block1_pool")
    assert len(walks) == 3
