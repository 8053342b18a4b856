"""PyTorch's files: every form reads back bit for bit and gives PyTorch's logits, without torch."""

import io
import os
import pickle
import re
import zipfile
from argparse import Namespace
from collections import Counter, defaultdict
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import tinyattr as ta
from tests.files.torch_files import PROTOCOL, legacy, safetensors, state_dict, text, torch_state, zipped
from tests.files.torch_names import squeezenet_state
from tests.references import FOLDER
from tinyattr.files.export import EXPORTS
from tinyattr.files.formats import open_weights
from tinyattr.files.pickled import Unknown, interpret

ANSWERS = np.load(FOLDER / "pytorch" / "answers.npz")
LAYOUT = {"legacy.pth": "torch-legacy", "zip.pth": "torch-zip", "half.pth": "torch-zip", "safetensors": "safetensors"}


def as_bfloat16(a):
    """Rounded to 8 binary digits, ties to even, as float32."""
    bits = a.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def expected(name):
    """{torchvision's name: array} of one of the miniatures."""
    which = "timm" if "timm" in name else "half" if "half" in name else "tv"
    state = {key.removeprefix(f"{which}/"): ANSWERS[key] for key in ANSWERS.files if key.startswith(f"{which}/f") or
             key.startswith(f"{which}/c")}
    if "bfloat16" in name:
        return {n: as_bfloat16(a) for n, a in state.items()}
    return {n: as_bfloat16(a) if "features" in n else a for n, a in state.items()} if "mixed" in name else state


@pytest.mark.parametrize("name", [
    "mini_tv_legacy.pth", "mini_tv_zip.pth", "mini_tv_zip_half.pth", "mini_tv.safetensors", "mini_timm.safetensors",
    "odd_legacy.pth", "odd_zip.pth", "bfloat16_legacy.pth", "bfloat16_zip.pth", "mixed.safetensors",
])
def test_files_written_by_pytorch(name):
    with open_weights(FOLDER / "pytorch" / name) as file:
        assert file.layout == next(layout for end, layout in LAYOUT.items() if name.endswith(end))
    net = ta.load(FOLDER / "pytorch" / name)
    state, ours = expected(name), torch_state(net)
    assert ours.keys() == state.keys()
    assert all((ours[n] == state[n]).all() for n in state)
    if name.startswith(("mini", "odd")):
        y = ANSWERS["timm/y" if "timm" in name else "half/y" if "half" in name else "tv/y"]
        assert np.abs(net(ANSWERS["x"]) - y).max() <= 1e-5 * np.abs(y).max()


def test_without_the_reordered_inputs_of_fc1_the_answer_is_wrong_and_plausible():
    """fc1's inputs in C, H, W order, taken as H, W, C: every shape fits, no logit is right. And there and back again."""
    net = ta.load(FOLDER / "pytorch" / "mini_tv_zip.pth")
    as_stored = np.ascontiguousarray(ANSWERS["tv/classifier.0.weight"].T)  # (32, 10)
    assert not (net.weights["fc1"][0] == as_stored).all()
    wrong = ta.network(net.layers, {**net.weights, "fc1": (as_stored, net.weights["fc1"][1])})
    y = ANSWERS["tv/y"]
    assert np.abs(wrong(ANSWERS["x"]) - y).max() > 1e-3 * np.abs(y).max()
    c, h, w = 5, 1, 1  # unit (h, w, c) of the 2 x 2 x 8 maps is input c * 4 + h * 2 + w there, (h * 2 + w) * 8 + c here
    assert (net.weights["fc1"][0][(h * 2 + w) * 8 + c] == as_stored[c * 4 + h * 2 + w]).all()


@pytest.mark.filterwarnings("ignore:the picture has values")
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_squeezenets_from_torchvision(tmp_path, version):
    state = squeezenet_state(version)
    (tmp_path / "w.pth").write_bytes(legacy(state))
    (tmp_path / "w.safetensors").write_bytes(safetensors(state))
    x = np.random.default_rng(1).standard_normal((1, 3, 224, 224), np.float32).transpose(0, 2, 3, 1)
    y = ANSWERS[f"squeezenet{version}/y"]
    for path in (tmp_path / "w.pth", tmp_path / "w.safetensors", zipped(tmp_path / "z.pth", state)):
        net = ta.load(path, family="torchvision")
        assert net.name == {"1.0": "SqueezeNet v1.0 (torchvision)", "1.1": "SqueezeNet v1.1"}[version]
        assert net.input.size == 224
        with pytest.warns(UserWarning, match="the picture has values from"):  # noise is no photo
            assert np.abs(net(x) - y).max() <= 1e-5 * np.abs(y).max()
    ta.save(net, tmp_path / "own.h5")
    again = ta.load(tmp_path / "own.h5")
    assert again.layers == net.layers
    assert again.input == net.input


@pytest.mark.parametrize("write", ["legacy", "zip", "safetensors"])
def test_our_own_writers_for_the_tests_below_write_what_is_read(tmp_path, write):
    net = ta.vgg("A", width=1 / 16, classes=3, size=64, dense=(5, 6))
    state = torch_state(net)
    if write == "zip":
        zipped(tmp_path / "w", state)
    else:
        (tmp_path / "w").write_bytes({"legacy": legacy, "safetensors": safetensors}[write](state))
    again = ta.load(tmp_path / "w")
    assert all((a == b).all() for n in net.weights for a, b in zip(net.weights[n], again.weights[n], strict=True))


BESIDE = {  # what training scripts save next to a state dict
    "args": Namespace(lr=0.1, arch="vgg11", data=Path("photos"), since=datetime(2026, 1, 1)), "best": np.float64(0.9),
    "curve": np.ones(3), "classes seen": {1, 2}, "fixed": frozenset({3}), "count": Counter("abca"), "sizes": {(1, 2): 3, None: 4, 2.5: 1},
    "losses": defaultdict(list, {"a.b": [1.5, 2 ** 40]}), "optimizer": {"param_groups": [{"betas": (0.9, 0.999), "x": None}]},
    "raw": bytearray(b"bytes"), "more": [b"bytes"], "epoch": 5, "complex": 1j, "fraction": Fraction(1, 3), "slice": slice(1, 2), "large": [1 << 100, "y" * 300],
}


def checkpoint(state, *places, protocol=2, **beside):
    """The pickle of {place: {place: ... state dict}}, with the values of `beside` on every level, as Python pickles them."""
    whole = state_dict(state).removeprefix(PROTOCOL).removesuffix(b".")
    for place in reversed(places):
        whole = b"}(" + b"".join(text(name) + pickle_of(value, protocol) for name, value in beside.items()) + text(place) + whole + b"u"
    return PROTOCOL + whole + b"."


def pickle_of(value, protocol):
    """The instructions of a pickle, without those that begin and end it."""
    return value if isinstance(value, bytes) else pickle.dumps(value, protocol)[2:-1]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_is_not_known_becomes_a_name_that_does_nothing(protocol):
    found = interpret(io.BytesIO(pickle.dumps({"run": os.system, "wait": call_of_system, **BESIDE}, protocol)), {}, None)
    assert found.keys() == {"run", "wait", *BESIDE}
    assert found["run"] == Unknown(f"{os.name} system") == found["wait"]
    assert found["args"] == Unknown("argparse Namespace")
    assert (found["epoch"], found["optimizer"], found["large"]) == (5, BESIDE["optimizer"], BESIDE["large"])
    assert not any(callable(value) for value in found.values())


class CallOfSystem:
    def __reduce__(self):
        return os.system, ("touch was_run",)


call_of_system = CallOfSystem()


def renamed(state, new):
    return {new(name): array for name, array in state.items()}


@pytest.fixture(scope="module")
def vgg11():
    return ta.vgg("A", width=1 / 16, classes=3, size=64, dense=(5, 6))


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("places", [("net",), ("weights",), ("ema",), ("model", "state_dict"), ("a", "b", "c", "d")])
def test_the_one_state_dict_of_a_checkpoint_is_found(tmp_path, vgg11, places, protocol):
    """Whatever stands beside it: options, scalars of NumPy, sets, the optimizer's state. None of it is run, or built."""
    state = torch_state(vgg11)
    path = zipped(tmp_path / "w.pth", state, checkpoint(state, *places, protocol=protocol, **BESIDE))
    net = ta.load(path)
    assert all((a == b).all() for n in net.weights for a, b in zip(net.weights[n], vgg11.weights[n], strict=True))


@pytest.mark.parametrize("new", [
    "module.{}".format, "model.{}".format, "_orig_mod.{}".format, "_orig_mod.module.{}".format, "net.model.{}".format,
    lambda name: name.replace("features.", "features.module."),
    lambda name: f"module.{name}".replace("features.", "features._orig_mod."),
], ids=range(7))
def test_wrappers_of_modules(tmp_path, vgg11, new):
    state = renamed(torch_state(vgg11), new)
    (tmp_path / "w.safetensors").write_bytes(safetensors(state))
    for path in (zipped(tmp_path / "w.pth", state), tmp_path / "w.safetensors"):
        net = ta.load(path)
        assert all((a == b).all() for n in net.weights for a, b in zip(net.weights[n], vgg11.weights[n], strict=True))


def test_what_a_checkpoint_leaves_open_is_asked(tmp_path, vgg11):
    """Two state dicts, a layer twice, a whole model, weights of a kind that is not known: one line that names it."""
    state = torch_state(vgg11)
    other = state_dict(state).removeprefix(PROTOCOL).removesuffix(b".")
    quantized = state_dict(state, **{"classifier.3.weight": b"ctorch._utils\n_rebuild_qtensor\n)R"})
    twice = {**state, **renamed(state, "module.{}".format)}
    parameter = {**state, "temperature": np.ones(1, np.float32)}
    for arrays, content, words in [
        (state, checkpoint(state, "model", ema=other), r"2 state dicts, in \['ema'\], \['model'\]; save the one that you want alone"),
        (twice, None, "two tensors for 'weight' of 'features.0', one is 'module.features.0.weight'"),
        (state, PROTOCOL + b"ctorchvision.models.vgg\nVGG\n)\x81}b.", "'torchvision.models.vgg VGG', a whole model"),
        (state, quantized, "'classifier.3.weight' in it is not a dense tensor of numbers, it is 'torch._utils _rebuild_qtensor'"),
        (parameter, None, "'temperature' in it is not a name that torchvision or timm give"),
        (state, PROTOCOL + b"}" + text("epoch") + b"K\5s.", "does not hold a state dict"),
    ]:
        with pytest.raises(ta.InputError, match=words):
            ta.load(zipped(tmp_path / "w.pth", arrays, content))


def test_torchscript_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("w/data.pkl", "w/code/__torch__.py", "w/constants.pkl"):
            archive.writestr(name, b"")
    with pytest.raises(ta.InputError, match=r"a TorchScript archive, which is a program with weights; .*state_dict\(\)"):
        ta.load(tmp_path / "w.pt")


def with_batch_norm(net, rng):
    """(state dict of a VGG with batch normalisation as torchvision counts it, the plain VGG that gives the same logits)."""
    plain, state, position, weights = torch_state(net), {}, 0, {}
    for name, op, _ in net.layers:
        if op == "conv2d":
            kernel, bias = net.weights[name]
            gamma, beta, mean, variance = rng.uniform(0.5, 2, (4, len(bias)))
            scale = gamma / np.sqrt(variance + 1e-5)
            weights[name] = kernel * scale, (bias - mean) * scale + beta
            state |= {f"features.{position}.weight": kernel.transpose(3, 2, 0, 1).copy(), f"features.{position}.bias": bias}
            parts = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": variance}
            state |= {f"features.{position + 1}.{what}": a.astype("f4") for what, a in parts.items()}
            state[f"features.{position + 1}.num_batches_tracked"] = np.array(7, "i8")
            position += 1
        position += 1
    state |= {name: array for name, array in plain.items() if name.startswith("classifier")}
    return state, ta.network(net.layers, {**net.astype("f8").weights, **weights})


def test_vggs_with_batch_normalisation(tmp_path, vgg11):
    rng = np.random.default_rng(0)
    state, expected = with_batch_norm(vgg11, rng)
    (tmp_path / "w.safetensors").write_bytes(safetensors(state))
    x = rng.standard_normal((2, 64, 64, 3))
    z = expected(x)
    for path in (zipped(tmp_path / "w.pth", state), tmp_path / "w.safetensors"):
        net = ta.load(path)
        assert net.name == "VGG11 with batch normalisation"
        assert [op for _, op, _ in net.layers[:4]] == ["conv2d", "batch_norm", "relu", "max_pool"]
        assert np.abs(net(x) - z).max() < 1e-4 * np.abs(z).max()
    ta.save(net, tmp_path / "own.h5")
    assert (ta.load(tmp_path / "own.h5")(x) == net(x)).all()
    for write in EXPORTS.values():
        with pytest.raises(ta.InputError, match="without batch normalisation|in no VGG"):
            write(net, tmp_path / "other")


def test_batch_normalisation_elsewhere_or_incomplete_is_refused(tmp_path, vgg11):
    state, _ = with_batch_norm(vgg11, np.random.default_rng(0))
    behind_relu = renamed(state, lambda name: name.replace("features.1.", "features.2."))
    one_less = {name: array for name, array in state.items() if not name.startswith("features.1.")}
    without_mean = {name: array for name, array in state.items() if name != "features.1.running_var"}
    negative = {**state, "features.1.running_var": -state["features.1.running_var"]}
    for arrays, words in [(behind_relu, "neither a whole VGG"), (one_less, "neither a whole VGG"),
                          (without_mean, "expected weight, bias, running_mean, running_var"), (negative, "holds nan")]:
        with pytest.raises(ta.InputError, match=words):
            ta.load(zipped(tmp_path / "w.pth", arrays))


def test_a_module_before_the_first_convolution_makes_it_another_network():
    """features.1, .4, ...: something without weights stands at features.0, which no VGG has."""
    state = torch_state(ta.vgg("A", width=1 / 16, classes=3, size=64, dense=(5, 6)))
    moved = {re.sub(r"features\.(\d+)", lambda m: f"features.{int(m[1]) + 1}", name): array for name, array in state.items()}
    with pytest.raises(ta.InputError, match="neither a whole VGG"):
        ta.load(safetensors(moved), size=64)
