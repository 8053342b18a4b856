"""PyTorch's files: every form reads back bit for bit and gives PyTorch's logits, without torch."""

import numpy as np
import pytest

import tinyattr as ta
from tests.files.torch_files import legacy, safetensors, torch_state, zipped
from tests.files.torch_names import squeezenet_state
from tests.references import FOLDER
from tinyattr.files.formats import open_weights

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
