"""Arguments of another type than expected are one line: an InputError, never an error from deep inside, never taken for something."""

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.engine import GRADIENT
from tinyattr.studies.audit import audit
from tinyattr.studies.bake import bake
from tinyattr.studies.board import evaluate
from tinyattr.studies.curves import deletion
from tinyattr.studies.detect import inspect, repair
from tinyattr.studies.explain import explain
from tinyattr.studies.samples import scenes


class Odd:
    """An object of somebody's own."""


RNG = np.random.default_rng(0)
LAYERS = [("conv", "conv2d", {"padding": 1}), ("relu", "relu", {}), ("flatten", "flatten", {}), ("fc", "dense", {}),
          ("fc_relu", "relu", {}), ("predictions", "dense", {})]
WEIGHTS = {"conv": (RNG.standard_normal((3, 3, 3, 2)), np.zeros(2)), "fc": (RNG.standard_normal((32, 4)), np.zeros(4)),
           "predictions": (RNG.standard_normal((4, 3)), np.zeros(3))}
NET = ta.network(LAYERS, WEIGHTS, input=ta.InputSpec(4), classes=["a", "b", "c"])
X = RNG.uniform(0, 255, (1, 4, 4, 3))
TAPE = NET.run(X)
ONE = np.ones((1, 3))
ODD = {"None": None, "True": True, "3": 3, "2.5": 2.5, "nan": float("nan"), "text": "no such", "bytes": b"abc", "list": [1, 2], "dict": {"a": 1},
       "array": np.zeros((2, 2)), "texts": np.array(["a", "b"]), "object": Odd(), "function": Odd, "set": {1}, "complex": 1j, "large": 10**40,
       "long": "e" * 5000, "zero": "a\0b"}
CALLS = {  # what: (a call with one odd argument, what of ODD is right there)
    "net": (lambda o: ta.grad_cam(o, X, score="pre"), ""), "picture": (lambda o: ta.grad_cam(NET, o, score="pre"), ""),
    "target": (lambda o: ta.grad_cam(NET, X, o, "pre"), "None"), "score": (lambda o: ta.grad_cam(NET, X, score=o), ""),
    "layer": (lambda o: ta.grad_cam(NET, X, score="pre", layer=o), "None"), "layer of gradient": (lambda o: ta.gradient(NET, X, score="pre", layer=o), "None"),
    "layer of IG": (lambda o: ta.integrated_gradients(NET, X, score="pre", layer=o, steps=1), "None"),
    "flag": (lambda o: ta.grad_cam_plus(NET, X, score="pre", active=o), "True"), "flag of eigen_cam": (lambda o: ta.eigen_cam(NET, X, score="pre", centred=o), "True"),
    "flag of ablation_cam": (lambda o: ta.ablation_cam(NET, X, score="pre", relative=o), "True"),
    "flag of excitation": (lambda o: ta.excitation_backprop(NET, X, score="pre", contrast=o), "True"),
    "steps": (lambda o: ta.integrated_gradients(NET, X, score="pre", steps=o), "3"), "samples": (lambda o: ta.smoothgrad(NET, X, score="pre", samples=o), "3"),
    "sigma": (lambda o: ta.smoothgrad(NET, X, score="pre", sigma=o, samples=1), "3 2.5"), "seed": (lambda o: ta.smoothgrad(NET, X, score="pre", seed=o, samples=1), "3"),
    "batch": (lambda o: ta.smoothgrad(NET, X, score="pre", batch=o, samples=1), "3"), "p": (lambda o: ta.rise(NET, X, score="pre", p=o, samples=1), ""),
    "baseline": (lambda o: ta.integrated_gradients(NET, X, score="pre", baseline=o, steps=1), "3 2.5"),
    "baselines": (lambda o: ta.expected_gradients(NET, X, score="pre", baselines=o, samples=1), "3 2.5 list"),
    "draws": (lambda o: ta.expected_gradients(NET, X, score="pre", draws=o), "None"), "composite": (lambda o: ta.lrp(NET, X, score="pre", composite=o), ""),
    "load": (ta.load, ""), "family": (lambda o: ta.load("glyphs", family=o), "None"), "input": (lambda o: ta.load("glyphs", input=o), "None"),
    "size": (lambda o: ta.load("glyphs", size=o), "None"), "class names": (lambda o: ta.load("glyphs", classes=o), "None"),
    "save": (lambda o: ta.save(o, "x.h5"), ""), "save to": (lambda o: ta.save(NET, o), "text"), "read": (lambda o: NET.read(o), ""),
    "astype": (lambda o: NET.astype(o), "None"), "label": (lambda o: NET.label(o), ""), "logits": (lambda o: NET.logits(o), ""),
    "layers": (lambda o: ta.network(o, WEIGHTS), ""), "weights": (lambda o: ta.network(LAYERS, o), ""), "a layer": (lambda o: ta.network([o], {}), ""),
    "op": (lambda o: ta.network([("a", o, {})], {}), ""), "name": (lambda o: ta.network([(o, "relu", {})], {}), "text long zero"),
    "inputs": (lambda o: ta.network([("a", "relu", {"inputs": o})], {}), ""), "arrays": (lambda o: ta.network(LAYERS, {**WEIGHTS, "conv": o}), ""),
    "attribute": (lambda o: ta.network([("conv", "conv2d", {"padding": o}), *LAYERS[1:]], WEIGHTS)(X), "3"),
    "features": (lambda o: ta.network(LAYERS, WEIGHTS, features=o), "None"), "classes": (lambda o: ta.network(LAYERS, WEIGHTS, classes=o), "None"),
    "InputSpec": (lambda o: ta.network(LAYERS, WEIGHTS, input=o), "None"), "size of InputSpec": (lambda o: ta.InputSpec(o), "3 list"),
    "order": (lambda o: ta.InputSpec(8, o), ""), "mean": (lambda o: ta.InputSpec(8, mean=o), ""), "scale": (lambda o: ta.InputSpec(8, scale=o), ""),
    "logits of a score": (lambda o: ta.SCORES["post"](o, 0), "list array"), "class of a score": (lambda o: ta.SCORES["post"](np.zeros(3), o), ""),
    "tape of a walk": (lambda o: ta.walk(o, {"predictions": ONE}, GRADIENT), ""), "seeds": (lambda o: ta.walk(TAPE, o, GRADIENT), ""),
    "seed of a walk": (lambda o: ta.walk(TAPE, {"predictions": o}, GRADIENT), ""), "book": (lambda o: ta.walk(TAPE, {"predictions": ONE}, o), ""),
    "to": (lambda o: ta.walk(TAPE, {"predictions": ONE}, GRADIENT, o), ""), "signals": (lambda o: ta.weight_gradients(TAPE, o), "dict"),
    "record": (lambda o: TAPE[o], ""), "name of a leaf": (lambda o: ta.Tape().leaf(o, X), "text long zero"),
    "alter": (lambda o: ta.alter(o), ""), "K": (lambda o: ta.alter(NET, K=o), "3 2.5 large"), "tap": (lambda o: ta.alter(NET, layer=o), "None"),
    "at": (lambda o: ta.alter(NET, at=o), "list"), "VGG": (lambda o: ta.vgg(o), ""), "seed of a VGG": (lambda o: ta.vgg("A", seed=o, width=1 / 64, dense=(2, 2)), "3"),
    "classes of a VGG": (lambda o: ta.vgg("A", classes=o, width=1 / 64, dense=(2, 2)), "3 list"), "dense": (lambda o: ta.vgg("A", width=1 / 64, dense=o), "None list"),
    "side": (lambda o: ta.vgg("A", width=1 / 64, size=o), ""), "dtype": (lambda o: ta.vgg("A", width=1 / 64, dense=(2, 2), dtype=o), "None"),
    "explain methods": (lambda o: explain(NET, X, methods=o), ""), "explain scores": (lambda o: explain(NET, X, scores=o), ""),
    "explain options": (lambda o: explain(NET, X, options=o), "None"), "explain tap": (lambda o: explain(NET, X, K=1, tap=o), "None"),
    "bake": (lambda o: bake(o), ""), "mask": (lambda o: bake(NET, mask=o), "None"), "inspect": (lambda o: inspect(o, [X]), ""), "pictures": (lambda o: inspect(NET, o), ""),
    "repair": (lambda o: repair(o), ""), "map": (lambda o: deletion(NET, X, o), ""), "scenes": (lambda o: scenes(o), "3"),
    "audit": (lambda o: audit(o, scenes(1)), ""), "audited methods": (lambda o: audit("glyphs", scenes(1), methods=o), ""), "jobs": (lambda o: audit("glyphs", scenes(1), methods=[], jobs=o), "3"),
    "evaluate": (lambda o: evaluate(o, 1), ""), "evaluated methods": (lambda o: evaluate("glyphs", 1, methods=o), ""),
    "evaluated scenes": (lambda o: evaluate("glyphs", o, methods=["no such"]), ""), "seed of scenes": (lambda o: evaluate("glyphs", seed=o, jobs=0), ""),
}


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.filterwarnings("ignore:the ")
def test_odd_arguments(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, right = CALLS[what]
    for name in ODD.keys() - right.split():
        with pytest.raises(ta.InputError) as error:
            call(ODD[name])
        assert error.value.args[0].isprintable(), name
        assert len(str(error.value)) < 1100, name
    assert not list(tmp_path.iterdir())


def test_what_is_quoted_does_not_make_lines():
    assert str(ta.InputError("a\nb\x1b[2J")) == "a b [2J"
    assert len(str(ta.InputError("x" * 10**6))) < 1100
