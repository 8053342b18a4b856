"""Windows over feature maps, which convolutions and pools read, and borders around the maps."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinyattr.errors import InputError


def pair(v):
    """Return (vertical, horizontal) for one whole number or two. Raises InputError for anything else."""
    both = (v, v) if np.ndim(v) == 0 else tuple(v)
    if len(both) != 2 or not all(isinstance(n, int | np.integer) and abs(n) < 2**31 for n in both):
        raise InputError(f"expected a whole number, or two (vertical, horizontal); got {v!r}")
    return both


def sides(padding):
    """Return ((top, bottom), (left, right)) for a padding of one number, of (vertical, horizontal), or of all four."""
    try:
        four = tuple(map(pair, pair(padding) if np.ndim(padding) < 2 else padding))
    except (InputError, TypeError, ValueError):
        four = ()
    if len(four) != 2 or min(min(four)) < 0:
        raise InputError("padding is one whole number, (vertical, horizontal) or ((top, bottom), (left, right)), 0 or "
                         f"more; got {padding!r}")
    return four


def maps(x):
    """Return x if it is feature maps (N, H, W, C). Raises InputError."""
    if x.ndim != 4:
        raise InputError(f"expected feature maps (N, H, W, C), got shape {x.shape}")
    return x


def patches(x, size, stride, dilation=1):
    """p[n,i,j,u,v,c] = x[n, s i + d u, s j + d v, c]: a view of every window, (N, H, W, C) -> (N, Ho, Wo, kh, kw, C).

    s is the stride, d the dilation: a window holds every d-th place.
    """
    (kh, kw), (sh, sw), (dh, dw) = pair(size), pair(stride), pair(dilation)
    if min(kh, kw, sh, sw, dh, dw) < 1:
        raise InputError(f"windows, strides and dilations must be at least 1; got {size}, {stride}, {dilation}")
    reach = dh * (kh - 1) + 1, dw * (kw - 1) + 1
    if maps(x).shape[1] < reach[0] or x.shape[2] < reach[1]:
        raise InputError(f"a {reach[0]} x {reach[1]} window does not fit into {x.shape[1]} x {x.shape[2]}; "
                         "use a larger picture")
    windows = sliding_window_view(x, reach, axis=(1, 2))[:, ::sh, ::sw, :, ::dh, ::dw]  # (N, Ho, Wo, C, kh, kw)
    return windows.transpose(0, 1, 2, 4, 5, 3)


def unpatch(p, shape, stride, dilation=1):
    """x[n,a,b,c] = sum of p[n,i,j,u,v,c] over all i,j,u,v with a = s i + d u, b = s j + d v. Transpose of `patches`."""
    x = np.zeros(shape, p.dtype)
    _, rows, columns, kh, kw, _ = p.shape
    (sh, sw), (dh, dw) = pair(stride), pair(dilation)
    for u, v in np.ndindex(kh, kw):
        x[:, dh * u:dh * u + sh * rows:sh, dw * v:dw * v + sw * columns:sw] += p[:, :, :, u, v]
    return x


def pad(x, *, padding, value=0.0, channels=(0, 0)):
    """Add a border of `value` around each map. channels: how many channels of `value` to add (before, after)."""
    border = *sides(padding), pair(channels)
    if min(border[2]) < 0:
        raise InputError(f"channels cannot be negative; got {channels}")
    if not any(map(any, border)):
        return maps(x)
    return np.pad(maps(x), ((0, 0), *border), constant_values=value)


def crop(x, *, padding):
    """Remove the border that `pad` adds."""
    (top, bottom), (left, right) = sides(padding)
    _, H, W, _ = maps(x).shape
    if top + bottom >= H or left + right >= W:
        raise InputError(f"removing {padding} leaves nothing of {H} x {W} maps")
    return x[:, top:H - bottom, left:W - right]


def between(old, new):
    """Linear interpolation from `old` pixels to `new`: return weights (new, old). Pixel i has its centre at i + 1/2."""
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(old)), 0)


def pool_windows(x, *, size, stride, padding=0, ceil=False, value=-np.inf):
    """Return the windows of a pool; `value` fills the padding. ceil: the last window may reach beyond the padding."""
    border, size, stride = sides(padding), pair(size), pair(stride)
    if any(p >= k for pads, k in zip(border, size, strict=True) for p in pads if p):
        raise InputError(f"padding {padding} must be less than the window {size}, or a window holds only padding")
    if ceil and min(stride) > 0:
        border = tuple((before, after + overhang(length, k, s, (before, after)))
                       for length, k, s, (before, after) in zip(maps(x).shape[1:3], size, stride, border, strict=True))
    return patches(pad(x, padding=border, value=value), size, stride)


def overhang(length, k, s, border=(0, 0)):
    """Return how many places of the last window lie beyond the border, for windows of k places with stride s."""
    padded = length + sum(border)
    last = -(-(padded - k) // s) * s
    if last >= length + border[0]:  # a window that starts outside does not count
        last -= s
    return max(last + k - padded, 0)


def pool_counts(lengths, shape, *, size, stride, padding=0, ceil=False, count_padding=False):
    """Return the number of places by which an average pool divides, for each window, (Ho, Wo, 1): see avg_pool."""
    per_axis = []
    for length, n, k, s, (before, after) in zip(lengths, shape, pair(size), pair(stride), sides(padding), strict=True):
        first, end = (-before, length + after) if count_padding else (0, length)
        start = s * np.arange(n) - before
        per_axis.append(np.minimum(start + k, end) - np.maximum(start, first))
    return np.multiply.outer(*per_axis)[:, :, None]
