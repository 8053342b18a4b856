"""Make kernel_shap.npz: values of three games, and what KernelExplainer of the shap package makes of them.

python tests/references/make_kernel_shap.py     with shap 0.51 installed; writes kernel_shap.npz beside itself

A game of n players is a table of 2^n values; coalition number s holds player i if bit i of s is set. All coalitions are
asked for, so shap's values are exact but for its regularisation, which is turned off.
"""

from pathlib import Path

import numpy as np
import shap

found = {}
for n, kind in ((4, "any numbers"), (6, "any numbers"), (8, "pairs")):
    rng = np.random.default_rng(n)
    Z = np.array([[s >> i & 1 for i in range(n)] for s in range(2**n)], float)
    pairs = rng.standard_normal((n, n))
    values = rng.standard_normal(2**n) if kind == "any numbers" else 1 + np.einsum("si,ij,sj->s", Z, pairs, Z)
    bits = 1 << np.arange(n)
    explainer = shap.KernelExplainer(lambda z, values=values, bits=bits: values[(z > 0.5) @ bits], np.zeros((1, n)))
    found[f"values_{n}"], found[f"phi_{n}"] = values, explainer.shap_values(np.ones((1, n)), nsamples=2**n, l1_reg=False)[0]
np.savez(Path(__file__).with_name("kernel_shap.npz"), **found)
