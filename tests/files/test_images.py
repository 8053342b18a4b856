"""Photos: each resize rule, each preparation, and what is no photo."""

import numpy as np
import pytest
from PIL import Image

import tinyattr as ta
from tinyattr.nets.pictures import FAMILIES, InputSpec, read_photo


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
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "deep.png")
    for name, words in (("cut.jpg", "damaged"), ("none.jpg", "no picture at"), ("deep.png", "more than 8 bits"), ("", "no picture at")):
        with pytest.raises(ta.InputError, match=words):
            read_photo(tmp_path / name, InputSpec(8))
    for wrong in (np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8)):
        with pytest.raises(ta.InputError, match="uint8"):
            read_photo(wrong, InputSpec(8))
    with pytest.raises(ta.InputError, match="uint8"):
        read_photo(photo()[:0], InputSpec(8))
    with pytest.raises(ta.InputError, match="unknown resize rule"):
        InputSpec(8, resize="stretch")
    for wrong in ({"size": 0}, {"order": "GBR"}, {"mean": (0, 0)}, {"scale": (1, 1, 0)}, {"mean": (0, 0, np.nan)}):
        with pytest.raises(ta.InputError, match="needs a size >= 1, order RGB or BGR"):
            InputSpec(**{"size": 8, **wrong})
