"""The lesson on Shapley values: its two sample answers against what the shap package made of the same games."""

import ast
from itertools import permutations
from math import comb

import numpy as np
import pytest

from tests.generated import ROOT

STORED = np.load(ROOT / "tests" / "references" / "kernel_shap.npz")  # made by make_kernel_shap.py, beside it


@pytest.fixture(scope="module")
def answers():
    """The lesson's functions, without the lesson around them."""
    (path,) = (ROOT / "lessons").glob("*_perturbation_and_shapley.py")
    names = {"np": np, "comb": comb, "permutations": permutations}
    functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    exec(compile(ast.Module(functions, []), str(path), "exec"), names)
    return names


@pytest.mark.parametrize("n", [4, 6, 8])
def test_they_are_those_of_the_shap_package(answers, n):
    values, phi = STORED[f"values_{n}"], STORED[f"phi_{n}"]
    Z = np.array([[s >> i & 1 for i in range(n)] for s in range(2**n)], bool)
    np.testing.assert_allclose(answers["kernel_shap"](Z, values, values[0], values[-1]), phi, atol=1e-6)
    np.testing.assert_allclose(answers["exact"](values, n), phi, atol=1e-6)
    if n < 8:  # 40,320 orders
        np.testing.assert_allclose(answers["shapley"](lambda z: values[np.array(z) @ (1 << np.arange(n))], n), phi, atol=1e-6)
