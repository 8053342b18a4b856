"""The register tile: ROWS x P outputs that stay in registers while a loop adds products to them.

Every fast kernel here is this loop. Strides say where its two factors are in memory.
"""

from tinyattr.kernels.vector import inlined, lanes, loader, outer, repeater, splatter

W = lanes()  # floats in one register
P = {16: 32, 8: 16, 4: 8}[W]  # columns of the tile: two registers
ROWS = 8 if W == 16 else 6  # 16 of 32 (or 12 of 16) registers hold sums, the others one row of the panel and a factor

load, splat = loader(W), splatter(W)
load_panel, splat_panel = loader(P), splatter(P)


def panels_for(columns):
    """Return (number, width) of the panels for so many columns: P wide, or W where a panel of P would be half empty."""
    width = W if columns < 2 * P and 0 < columns % P <= W else P
    return -(-columns // width), width


def sums(rows, load_panel=load_panel):
    """Return a function that computes the sums of a tile with `rows` rows. load_panel sets the width of a panel."""
    repeat = repeater(rows)

    @inlined
    def tile(a, left, w, right, groups, n, start):
        """acc[r] = start + sum_{g,k} a[r row + g group + k step] w[g group' + k step' : ... + P].

        left = (row, group, step) are the strides of a, right = (group', step') the strides of the panel w.
        """
        row, group, step = left
        panel_group, panel_step = right
        acc = repeat(start)
        for g in range(groups):
            for k in range(n):
                v = load_panel(w, g * panel_group + k * panel_step)
                acc = outer(acc, a, g * group + k * step, row, v)
        return acc

    return tile


def by_rows(make):
    """Return do(rows, *args), which divides rows into tiles of ROWS, 4 and 1. make(r) computes rows first ... first + r - 1.

    No tile is larger than the remaining rows, so no memory outside is used.
    """
    whole, four, one = make(ROWS), make(4), make(1)

    @inlined
    def do(rows, *args):
        first = 0
        while first + ROWS <= rows:
            whole(first, *args)
            first += ROWS
        while first + 4 <= rows:
            four(first, *args)
            first += 4
        while first < rows:
            one(first, *args)
            first += 1

    return do


def by_lanes(make):
    """Return do(first, end, *args), which divides channels into pieces of W, W / 2 and 1; make(width) computes one piece."""
    whole, half, one = make(W), make(W // 2), make(1)

    @inlined
    def do(first, end, *args):
        while first + W <= end:
            whole(first, *args)
            first += W
        if first + W // 2 <= end:
            half(first, *args)
            first += W // 2
        while first < end:
            one(first, *args)
            first += 1
    return do
