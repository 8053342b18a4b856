"""Photos: each resize rule, each preparation, and what is no photo."""

import io
import resource
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import tinyattr as ta
from tinyattr.files.photo import read_photo
from tinyattr.nets.pictures import FAMILIES, InputSpec


def photo(width=30, height=20, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_picture_of_the_right_size_goes_through_and_back(family):
    spec = FAMILIES[family]
    rgb = photo(spec.size, spec.size)
    if spec.resize == "center-crop-256":  # its crop of a larger picture is another picture
        assert read_photo(rgb, spec).shape == (1, spec.size, spec.size, 3)
    else:
        assert (spec.decode(read_photo(rgb, spec)) == rgb).all()
    assert (spec.decode(spec.encode(rgb)) == rgb).all()


def test_oxford_is_bgr_minus_the_mean():
    x = FAMILIES["oxford"].encode(np.array([[[10, 20, 30]]], np.uint8))
    assert x.dtype == np.float32
    assert np.allclose(x[0, 0, 0], [30 - 103.939, 20 - 116.779, 10 - 123.68])


def test_torchvision_is_the_usual_normalisation():
    rgb = photo()
    expected = (rgb / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert np.allclose(FAMILIES["torchvision"].encode(rgb)[0], expected, atol=1e-6)


def test_kerass_nearest_pixels(shared):
    """The statistics that the authors' Keras notebooks print of their input: minimum, mean, maximum of column i."""
    spec = FAMILIES["oxford"]
    for name, column, expected in [
        ("pick.jpg", 0, (-123.68, -114.05083, -92.939)), ("pick.jpg", 2, (-123.68, -113.890114, -93.939)),
        ("yellow_ladys_slipper.jpg", 0, (-122.68, -89.83208, -2.7789993)),
        ("yellow_ladys_slipper.jpg", 2, (-122.68, -89.7041, 0.22100067)),
    ]:
        x = read_photo(shared / "images" / name, spec)[0, :, column]
        assert np.allclose((x.min(), x.mean(dtype=np.float64), x.max()), expected, atol=2e-5)


def test_center_crop_of_a_wide_picture():
    """Shorter side to 256, then the middle 224: a picture that is one ramp stays that ramp, cut."""
    ramp = np.broadcast_to(np.arange(512, dtype=np.float64)[None, :, None] / 2, (256, 512, 3)).astype(np.uint8)
    x = read_photo(ramp, FAMILIES["torchvision"])
    seen = FAMILIES["torchvision"].decode(x)
    assert abs(int(seen[0, 0, 0]) - 72) <= 1  # column 144 of 512 holds 72
    assert abs(int(seen[0, -1, 0]) - 183) <= 1


def test_orientation_tags_are_obeyed(tmp_path):
    image = Image.fromarray(photo(4, 2))
    exif = image.getexif()
    exif[0x0112] = 6  # turn a quarter to the right to see it upright
    image.save(tmp_path / "turned.png", exif=exif)
    x = read_photo(tmp_path / "turned.png", InputSpec(2, resize="keras-nearest"))
    upright = np.rot90(photo(4, 2), -1)
    assert (x[0] == np.asarray(Image.fromarray(upright).resize((2, 2), Image.Resampling.NEAREST))).all()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_other_modes_become_rgb(tmp_path, mode):
    path = tmp_path / ("p.tif" if mode == "CMYK" else "p.png")
    Image.fromarray(photo()).convert(mode).save(path)
    assert read_photo(path, InputSpec(8)).shape == (1, 8, 8, 3)


@pytest.mark.parametrize(("content", "words"), [
    (b"not a picture", "is not a picture"), (b"", "is not a picture"), (b"\x89PNG\r\n\x1a\n" + bytes(20), "picture"),
])
def test_files_that_are_no_pictures(tmp_path, content, words):
    (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(ta.InputError, match=words) as error:
        read_photo(tmp_path / "p.png", InputSpec(8))
    assert "\n" not in str(error.value)


def test_damaged_missing_and_deep_pictures(tmp_path):
    Image.fromarray(photo(300, 300)).save(tmp_path / "p.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "p.jpg").read_bytes()[:2000])
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "deep.tif")
    for name, words in (("cut.jpg", "damaged"), ("none.jpg", "no picture at"), ("deep.tif", "more than 16 bits"), ("", "no picture at")):
        with pytest.raises(ta.InputError, match=words):
            read_photo(tmp_path / name, InputSpec(8))
    for wrong in (np.zeros((4, 4, 3)), np.zeros(4, np.uint8), np.zeros((4, 4, 2), np.uint8)):
        with pytest.raises(ta.InputError, match="uint8"):
            read_photo(wrong, InputSpec(8))
    with pytest.raises(ta.InputError, match="uint8"):
        read_photo(photo()[:0], InputSpec(8))
    with pytest.raises(ta.InputError, match="unknown resize rule"):
        InputSpec(8, resize="stretch")
    for wrong in ({"size": 0}, {"order": "GBR"}, {"mean": (0, 0)}, {"scale": (1, 1, 0)}, {"mean": (0, 0, np.nan)}):
        with pytest.raises(ta.InputError, match="needs a size >= 1 or"):
            InputSpec(**{"size": 8, **wrong})


def test_a_16_bit_grey_picture_is_read_by_its_upper_bits(tmp_path):
    """As 16-bit colour pictures are: 0x1234 is the grey 0x12."""
    Image.fromarray(np.full((4, 4), 0x1234, np.uint16)).save(tmp_path / "deep.png")
    assert (InputSpec(4).decode(read_photo(tmp_path / "deep.png", InputSpec(4))) == 0x12).all()


def test_what_is_transparent_is_white():
    """A black logo on transparent ground: black on white, and not all black."""
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:, :5, 3] = 255
    spec = InputSpec(8, resize="keras-nearest")
    for source in (rgba, Image.fromarray(rgba), Image.fromarray(rgba).convert("LA")):
        seen = spec.decode(read_photo(source, spec))
        assert (seen[:, :5] == 0).all()
        assert (seen[:, 5:] == 255).all()
    half = rgba.copy()
    half[:, :3], half[:, 3:, 3] = (0, 0, 0, 128), 255
    assert abs(int(spec.decode(read_photo(half, spec))[0, 0, 0]) - 127) <= 1
    rgba[:, 3:, 3] = 0
    with pytest.warns(UserWarning, match="transparent for more than half"):
        read_photo(rgba, spec)


def test_a_long_strip_costs_no_more_than_its_centre():
    strip = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1, 20_000, 3), np.uint8))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for image in (strip, strip.transpose(Image.Transpose.ROTATE_90)):
        for spec in FAMILIES.values():
            assert read_photo(image, spec).shape == (1, *spec.shape)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB; the whole strip takes gigabytes


@pytest.mark.parametrize("shape", [(256, 512), (300, 451), (777, 256), (1000, 1500), (64, 64)])
def test_the_centre_is_that_of_the_whole_resized_picture(shape):
    """Torchvision resizes first and crops then."""
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8))
    width, height = image.size
    size = (256, int(256 * height / width)) if width <= height else (int(256 * width / height), 256)
    whole = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
    expected = np.asarray(whole.crop((left, top, left + 224, top + 224)), int)
    seen = FAMILIES["torchvision"].decode(read_photo(image, FAMILIES["torchvision"]))
    assert np.abs(seen - expected).max() <= 1


def test_all_ways_to_give_a_picture(tmp_path):
    path, spec = tmp_path / "p.png", InputSpec(8)
    Image.fromarray(photo()).save(path)
    expected = read_photo(path, spec)
    with open(path, "rb") as file:
        for source in (str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), file, Image.open(path), photo()):
            assert (read_photo(source, spec) == expected).all()
    grey = read_photo(photo()[..., 0], spec)
    assert (grey == read_photo(np.repeat(photo()[..., :1], 3, -1), spec)).all()
    for wrong in (None, 7, [path], object()):
        with pytest.raises(ta.InputError, match="a picture is a path"):
            read_photo(wrong, spec)


def test_one_channel_and_other_sides():
    spec = InputSpec((6, 9), "L", (127.0,), (64.0,))
    x = read_photo(photo(90, 60), spec)
    assert x.shape == (1, *spec.shape) == (1, 6, 9, 1)
    grey = np.asarray(Image.fromarray(photo(90, 60)).convert("L").resize((9, 6), Image.Resampling.BILINEAR))
    assert np.allclose(x[0, ..., 0], (grey - 127.0) / 64)
    assert (spec.decode(x) == grey[..., None]).all()
    for wrong in ({"order": "L"}, {"size": (1, 2, 3)}, {"size": 2.5}, {"size": (0, 3)}):
        with pytest.raises(ta.InputError, match="needs a size"):
            InputSpec(**{"size": 8, **wrong})


# ------------------------------------------------------------------------- pictures that were not preprocessed


def network(family):
    spec = replace(FAMILIES[family], size=8)
    rng = np.random.default_rng(0)
    return ta.network([("flat", "flatten", {}), ("z", "dense", {})], {"z": (rng.standard_normal((192, 3)), np.zeros(3))}, input=spec)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_whole_numbers_are_no_preprocessed_picture(family):
    net = network(family)
    with pytest.raises(ta.InputError, match=r"whole numbers \(uint8\).*net.read"):
        net(photo(8, 8)[None])
    with pytest.raises(ta.InputError, match="the baseline holds whole numbers"):
        ta.integrated_gradients(net, net.read(photo()), score="pre", baseline=photo(8, 8))


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("kind", ["0..1", "0..255"])
def test_floats_that_no_photo_gives_are_warned_of(family, kind):
    net, raw = network(family), photo(8, 8)[None] / (255.0 if kind == "0..1" else 1.0)
    with pytest.warns(UserWarning, match=r"the picture has values from .* net.read\(picture\)"):
        net(raw)
    with pytest.warns(UserWarning, match="the baseline has values"):
        ta.integrated_gradients(net, net.read(photo()), score="pre", baseline=raw, steps=2)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_what_can_come_from_a_photo_is_taken_without_a_word(family):
    """Photos, black, white, the mean colour, and a step that leaves the range of photos a little (an adversarial one)."""
    net = network(family)
    black, white = net.input.limits
    for x in (net.read(photo()), np.broadcast_to(black, (1, 8, 8, 3)), np.broadcast_to(white, (1, 8, 8, 3)), np.zeros((1, 8, 8, 3)),
              net.read(photo()) + 0.1 * (white - black)):
        assert np.isfinite(net(x)).all()


@pytest.mark.parametrize(("spec", "values"), [
    (ta.FAMILIES["oxford"], (-1, 1)), (ta.FAMILIES["oxford"], (-2.1, 2.6)), (ta.FAMILIES["oxford"], (0, 1)), (ta.InputSpec(8), (-1, 1)),
    (ta.FAMILIES["torchvision"], (0, 1)), (ta.FAMILIES["torchvision"], (0, 255)),
])
def test_floats_of_another_preprocessing_raise_a_warning(spec, values):
    x = np.random.default_rng(0).uniform(*values, (1, 8, 8, 3))
    with pytest.warns(UserWarning, match="but photos as this network wants them have"):
        spec.expect_preprocessed(x)


def test_a_number_as_baseline_is_looked_at_too():
    net = ta.network([("conv", "conv2d", {}), ("pool", "global_avg_pool", {})], {"conv": (np.ones((1, 1, 3, 2)), np.zeros(2))},
                     input=ta.InputSpec(8, scale=(255.0,) * 3))
    with pytest.warns(UserWarning, match="the baseline has values from 255 to 255"):
        ta.integrated_gradients(net, np.full((1, 8, 8, 3), 0.5), score="pre", baseline=255, steps=1)


def test_a_picture_without_pixels():
    with pytest.raises(ta.InputError, match="has no pixels: it is 0 x 5"):
        read_photo(Image.new("RGB", (0, 5)), FAMILIES["oxford"])
