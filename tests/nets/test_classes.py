"""Class names: the published list, byte for byte, and finding a class."""

import hashlib
import json

import numpy as np
import pytest

import tinyattr as ta
from tinyattr.nets.classes import find_class, imagenet_classes, imagenet_names

NAMES = imagenet_names()


def test_the_list_is_kerass_class_index():
    """Keras publishes the md5 of imagenet_class_index.json, which is this list as JSON."""
    index = {str(i): list(entry) for i, entry in enumerate(imagenet_classes())}
    assert hashlib.md5(json.dumps(index).encode()).hexdigest() == "c2c37ea517e94d9795004a39431a14cb"


@pytest.mark.parametrize(("target", "c"), [
    (805, 805), (np.int64(805), 805), ("805", 805), ("soccer ball", 805), ("Soccer_Ball", 805), (" soccer  ball ", 805), (0, 0),
])
def test_finding(target, c):
    assert find_class(target, NAMES, 1000) == c


@pytest.mark.parametrize(("target", "words"), [
    ("crane", "ambiguous: classes 134, 517"), ("maillot", "ambiguous: classes 638, 639"),
    ("soccer bal", r"did you mean .*soccer ball \(805\)"), ("shepherd", r"German shepherd \(235\)"),
    ("qqqq", "give a number from 0 to 999"), (1000, "from 0 to 999; got"), (-1, "from 0 to 999; got"), ("1000", "from 0 to 999; got"),
    (1.5, "from 0 to 999; got"), (True, "from 0 to 999; got"), ([1], "from 0 to 999; got"),
])
def test_not_finding(target, words):
    with pytest.raises(ta.InputError, match=words):
        find_class(target, NAMES, 1000)


def test_without_names():
    assert find_class("3", None, 7) == 3
    with pytest.raises(ta.InputError, match="no names, only numbers 0 to 6"):
        find_class("cat", None, 7)


def test_wordnet_ids_exact_spelling_and_arrays_of_one():
    assert find_class("n02123045", NAMES, 1000) == NAMES.index("tabby")
    assert NAMES[find_class("Cardigan", NAMES, 1000)] == "Cardigan"
    assert NAMES[find_class("cardigan", NAMES, 1000)] == "cardigan"
    with pytest.raises(ta.InputError, match="ambiguous"):
        find_class("CARDIGAN", NAMES, 1000)
    assert find_class(np.array([2]), None, 3) == 2
    with pytest.raises(ta.InputError, match="a class that is not a name must be"):
        find_class(np.array([1, 2]), None, 3)
    with pytest.raises(ta.InputError, match="unknown class"):
        find_class("n02123045", ["a", "b"], 2)


def test_a_class_whose_name_is_a_number():
    """The name goes first: names that are the digits in another order are not taken for their places."""
    names = ("7", "1", "0")
    assert [find_class(text, names, 3) for text in ("7", "1", "0", "2")] == [0, 1, 2, 2]
    assert find_class(0, names, 3) == 0
