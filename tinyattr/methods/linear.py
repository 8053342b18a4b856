"""Helpers for rules: the positive or negative part of an array, and the way back through a layer with other weights."""

from dataclasses import replace

import numpy as np

from tinyattr.engine import GRADIENT, apply


def part(v, sign):
    """max(v, 0) for sign 1, min(v, 0) for -1."""
    return np.maximum(v, 0) if sign > 0 else np.minimum(v, 0)


def transposed(record, kernel, s):
    """kernel^T s: the signal at the layer's input, if the layer had this kernel."""
    other = replace(record, weights=(kernel, record.weights[1]))
    return apply(GRADIENT[record.op], other, np.asarray(s, record.outline.dtype))[0]
