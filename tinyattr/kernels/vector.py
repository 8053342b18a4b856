"""A vector type for Numba: `<n x float>` of LLVM, for values that must stay in registers.

LLVM divides a vector that is wider than a register into several registers, so one name can be a whole row of a register
tile. We use pointers without bounds checks. For arrays, Numba would count references, and such a call in the middle of
the arithmetic would empty all registers.
"""

import operator
from functools import partial

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils, config
from numba.extending import intrinsic, models, overload, register_model

from tinyattr.kernels.memory import start

LINE = 64  # bytes of a cache line; no register is wider
FLOAT = ir.FloatType()
POINTER = types.CPointer(types.float32)


def lanes():
    """Return the number of floats in a vector register of this CPU: 16 (AVX-512), 8 (AVX2 with FMA) or 4."""
    features = config.CPU_FEATURES
    if features is None:
        features = llvm.get_host_cpu_features().flatten() if config.CPU_NAME is None else ""
    features = features.split(",")
    if "+avx512f" in features:
        return 16
    return 8 if "+avx2" in features and "+fma" in features else 4


class Vector(types.Type):
    """A Vector is Numba's type for `width` floats."""

    def __init__(self, width):
        self.width = width
        super().__init__(f"Vector({width})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """A VectorModel maps a Vector to LLVM's type <width x float>."""

    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.VectorType(FLOAT, kind.width))


def element(builder, pointer, index, width=None):
    """Return the address of pointer[index], for one float or for `width` floats."""
    place = builder.gep(pointer, [index])
    return place if width is None else builder.bitcast(place, ir.VectorType(FLOAT, width).as_pointer())


def spread(builder, number, width):
    """(number, number, ...)."""
    vector = ir.VectorType(number.type, width)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width))


def multiply_add(builder, a, b, c):
    """a b + c, rounded once where the machine can. (Without hardware, `fmuladd` uses two instructions, `fma` a call.)"""
    kind = a.type
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, (kind,) * 3), f"llvm.fmuladd.v{kind.count}f32")
    return builder.call(function, (a, b, c))


@intrinsic
def pointer(typing, array, index):
    """Return a pointer to array[index], a flat index; null for an empty array, which means "not wanted".

    The array must be C-contiguous float32, and must live longer than the pointer.
    """
    def build(context, builder, signature, values):
        fields = context.make_array(signature.args[0])(context, builder, values[0])
        place = builder.gep(fields.data, [values[1]])
        empty = builder.icmp_signed("==", fields.nitems, ir.Constant(fields.nitems.type, 0))
        return builder.select(empty, ir.Constant(place.type, None), place)
    return POINTER(array, types.intp), build


@intrinsic
def at(typing, address):
    """Return the pointer to an address, a whole number (see buffers.lie); 0 is null, "not wanted"."""
    def build(context, builder, signature, values):
        return builder.inttoptr(values[0], FLOAT.as_pointer())
    return POINTER(types.intp), build


@intrinsic
def given(typing, p):
    """Return True if p is not null."""
    def build(context, builder, signature, values):
        return cgutils.is_not_null(builder, values[0])
    return types.boolean(POINTER), build


@intrinsic
def shift(typing, p, index):
    """p + index."""
    def build(context, builder, signature, values):
        return element(builder, *values)
    return POINTER(POINTER, types.intp), build


@intrinsic
def prefetch(typing, p, index):
    """Ask for the cache line of p[index], to be read soon. The address may lie outside of our memory."""
    def build(context, builder, signature, values):
        place, whole = element(builder, *values), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), (place.type, whole, whole, whole))
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, (place, whole(0), whole(2), whole(1)))  # for reading, into the second-level cache, data
        return context.get_dummy_value()
    return types.void(POINTER, types.intp), build


def loader(width):
    """load(p, i) = p[i : i + width]."""
    @intrinsic
    def load(typing, p, index):
        def build(context, builder, signature, values):
            return builder.load(element(builder, *values, width), align=4)
        return Vector(width)(POINTER, types.intp), build
    return load


def splatter(width):
    """splat(s) = (s, s, ..., s)."""
    @intrinsic
    def splat(typing, number):
        def build(context, builder, signature, values):
            return spread(builder, values[0], width)
        return Vector(width)(types.float32), build
    return splat


def repeater(rows):
    """repeat(v) = the tuple (v, v, ..., v) of `rows` vectors."""
    @intrinsic
    def repeat(typing, v):
        def build(context, builder, signature, values):
            return context.make_tuple(builder, signature.return_type, values * rows)
        return types.UniTuple(v, rows)(v), build
    return repeat


@intrinsic
def store(typing, p, index, v):
    """p[index : index + width] = v; p[index] = v for a number."""
    def build(context, builder, signature, values):
        p_, index_, v_ = values
        builder.store(v_, element(builder, p_, index_, getattr(v, "width", None)), align=4)
        return context.get_dummy_value()
    return types.void(POINTER, types.intp, v), build


def unrolled(count, body):
    """do(*args) = body(0, *args), body(1, *args), ... If acc is a tuple and r a constant, acc[r] is a register.

    But in a loop over r, LLVM jumps through a table for each acc[r].
    """
    do = None
    for r in range(count):
        do = _and_then(do, body, r)
    return do


def _and_then(before, body, r):
    if before is None:
        return inlined(lambda *args: body(r, *args))

    @inlined
    def do(*args):
        before(*args)
        body(r, *args)
    return do


@intrinsic
def store_rows(typing, p, stride, acc):
    """p[r stride : ... + width] = acc[r] for every r."""
    def build(context, builder, signature, values):
        p_, stride_, rows = values
        for r in range(acc.count):
            row = builder.extract_value(rows, r)
            builder.store(row, element(builder, p_, ir.Constant(stride_.type, 0), acc.dtype.width), align=4)
            p_ = element(builder, p_, stride_)
        return context.get_dummy_value()
    return types.void(POINTER, types.intp, acc), build


def row_loader(rows, width):
    """load_rows(p, stride) = the tuple of p[r stride : ... + width] for r < rows."""
    @intrinsic
    def load_rows(typing, p, stride):
        def build(context, builder, signature, values):
            p_, stride_ = values
            loaded = []
            for _ in range(rows):
                loaded.append(builder.load(element(builder, p_, ir.Constant(stride_.type, 0), width), align=4))
                p_ = element(builder, p_, stride_)
            return context.make_tuple(builder, signature.return_type, loaded)
        return types.UniTuple(Vector(width), rows)(POINTER, types.intp), build
    return load_rows


@intrinsic
def across(typing, square):
    """Transpose a tuple of tuples of vectors: across(c)[i][j] = c[j][i]."""
    rows, columns = square.dtype.count, square.count
    turned = types.UniTuple(types.UniTuple(square.dtype.dtype, columns), rows)

    def build(context, builder, signature, values):
        lines = [[builder.extract_value(values[0], (j, i)) for j in range(columns)] for i in range(rows)]
        return context.make_tuple(builder, turned, [context.make_tuple(builder, turned.dtype, line) for line in lines])
    return turned(square), build


@intrinsic
def store_some(typing, p, index, v, count):
    """p[index : index + count] = the first `count` lanes of v."""
    def build(context, builder, signature, values):
        p_, index_, v_, count_ = values
        whole = ir.IntType(32)
        lanes = ir.Constant(ir.VectorType(whole, v.width), list(range(v.width)))
        mask = builder.icmp_signed("<", lanes, spread(builder, builder.trunc(count_, whole), v.width))
        place = element(builder, p_, index_, v.width)
        kind = ir.FunctionType(ir.VoidType(), (v_.type, place.type, whole, mask.type))
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.v{v.width}f32.p0")
        builder.call(function, (v_, place, ir.Constant(whole, 4), mask))
        return context.get_dummy_value()
    return types.void(POINTER, types.intp, v, types.intp), build


@intrinsic
def larger(typing, a, b):
    """The larger of a and b, lane by lane. A NaN is the largest of all."""
    def build(context, builder, signature, values):
        a_, b_ = values
        return builder.select(builder.or_(builder.fcmp_ordered(">", b_, a_), builder.fcmp_unordered("uno", b_, b_)), b_, a_)
    return a(a, b), build


@intrinsic
def where_equal(typing, a, b, v, w):
    """v where a = b, else w."""
    def build(context, builder, signature, values):
        a_, b_, v_, w_ = values
        return builder.select(builder.fcmp_ordered("==", a_, b_), v_, w_)
    return v(a, b, v, w), build


@intrinsic
def total(typing, v):
    """v_0 + v_1 + ..., where halves are added repeatedly."""
    def build(context, builder, signature, values):
        (value,), width = values, v.width
        while width > 1:
            width //= 2
            low, high = (ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(at, at + width))) for at in (0, width))
            value = builder.fadd(builder.shuffle_vector(value, value, low), builder.shuffle_vector(value, value, high))
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))
    return types.float32(v), build


@intrinsic
def outer(typing, acc, p, index, stride, v):
    """acc[r] + p[index + r stride] v for every r: one step of a register tile, acc a tuple of vectors."""
    def build(context, builder, signature, values):
        rows, p_, index_, stride_, v_ = values
        for r in range(acc.count):
            number = builder.load(element(builder, p_, index_))
            row = multiply_add(builder, spread(builder, number, v.width), v_, builder.extract_value(rows, r))
            rows = builder.insert_value(rows, row, r)
            index_ = builder.add(index_, stride_)
        return rows
    return acc(acc, POINTER, types.intp, types.intp, v), build


@intrinsic
def inner(typing, acc, p, index, stride, v):
    """acc[r] + p[index + r stride : ... + width] v for every r, lane by lane: one step of dot products."""
    def build(context, builder, signature, values):
        rows, p_, index_, stride_, v_ = values
        for r in range(acc.count):
            numbers = builder.load(element(builder, p_, index_, v.width), align=4)
            rows = builder.insert_value(rows, multiply_add(builder, numbers, v_, builder.extract_value(rows, r)), r)
            index_ = builder.add(index_, stride_)
        return rows
    return acc(acc, POINTER, types.intp, types.intp, v), build


def lister(count):
    """listed(p, table, first) = pointers p + table[first + r] for r < count. table: the address of distances, int32."""
    @intrinsic
    def listed(typing, p, table, first):
        def build(context, builder, signature, values):
            p_, table_, first_ = values
            distances, found = builder.inttoptr(table_, ir.IntType(32).as_pointer()), []
            for r in range(count):
                place = builder.gep(distances, [builder.add(first_, ir.Constant(first_.type, r))])
                found.append(element(builder, p_, builder.sext(builder.load(place), first_.type)))
            return context.make_tuple(builder, signature.return_type, found)
        return types.UniTuple(POINTER, count)(POINTER, types.intp, types.intp), build
    return listed


def multiplier(read):
    """multiply(acc, places, index, v) = acc[r] + a v for every r, a = read(builder, places[r], index, width)."""
    @intrinsic
    def multiply(typing, acc, places, index, v):
        def build(context, builder, signature, values):
            rows, places_, index_, v_ = values
            return context.make_tuple(builder, acc, [
                multiply_add(builder, read(builder, builder.extract_value(places_, r), index_, v.width), v_,
                             builder.extract_value(rows, r)) for r in range(acc.count)])
        return acc(acc, places, types.intp, v), build
    return multiply


# a = (s, s, ...), s = places[r][index]: one number of a pixel times a row of the panel
broadcast_each = multiplier(lambda builder, p, index, width: spread(builder, builder.load(element(builder, p, index)), width))
# a = places[r][index : ... + width]: numbers of a pixel, each with its own weight
lanes_each = multiplier(lambda builder, p, index, width: builder.load(element(builder, p, index, width), align=4))


@intrinsic
def clipped(typing, v, low, high):
    """Limit v to low ... high. A NaN stays NaN."""
    def build(context, builder, signature, values):
        value, *limits = values
        low_, high_ = (spread(builder, limit, v.width) for limit in limits)
        value = builder.select(builder.fcmp_ordered(">", low_, value), low_, value)
        return builder.select(builder.fcmp_ordered("<", high_, value), high_, value)
    return v(v, types.float32, types.float32), build


@intrinsic
def passed(typing, v, gate, low, high):
    """v where low < gate < high, else 0. With a NaN gate, v passes."""
    def build(context, builder, signature, values):
        value, by, *limits = values
        low_, high_ = (spread(builder, limit, v.width) for limit in limits)
        shut = builder.or_(builder.fcmp_ordered("<=", by, low_), builder.fcmp_ordered(">=", by, high_))
        return builder.select(shut, ir.Constant(value.type, [0.0] * v.width), value)
    return v(v, gate, types.float32, types.float32), build


def _arithmetic(operation, instruction):
    """v + w, v - w, v * w: each is rounded, or LLVM combines two of them to a fused multiply-add."""
    @intrinsic
    def apply(typing, a, b):
        def build(context, builder, signature, values):
            return getattr(builder, instruction)(*values, flags=("contract",))
        return a(a, b), build

    @overload(operation, inline="always")
    def typed(a, b):
        if isinstance(a, Vector) and a == b:
            return lambda a, b: apply(a, b)


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")


@intrinsic
def _scale(typing, s, v):
    def build(context, builder, signature, values):
        return builder.fmul(spread(builder, values[0], v.width), values[1], flags=("contract",))
    return v(types.float32, v), build


@overload(operator.mul, inline="always")
def _scaled(s, v):
    """s v, for a number s."""
    if isinstance(s, types.Float) and isinstance(v, Vector):
        return lambda s, v: _scale(s, v)


def parallel_kernel(function):
    """Compile a function with pranges on all threads. Keep it on disk if Numba finds a folder where it can write."""
    options = {"error_model": "numpy", "parallel": True, "no_cfunc_wrapper": True}
    try:
        return partial(start, njit(cache=True, **options)(function))
    except RuntimeError:  # a read-only installation without a home folder
        return partial(start, njit(**options)(function))


inlined = njit(forceinline=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


def finisher(width):
    """finished(v, index, z, gate, low, high) = v + z between the limits; with a gate, v + z where low < gate < high, else 0.

    z and gate are pointers, read at `index`, or null: not given. So every kernel ends, and the next op costs no pass over memory.
    """
    load = loader(width)

    @inlined
    def finished(v, index, z, gate, low, high):
        if given(z):
            v = v + load(z, index)
        return passed(v, load(gate, index), low, high) if given(gate) else clipped(v, low, high)
    return finished


@inlined
def signed(unit):
    """Return the index of a prange as a signed number. It is unsigned in Numba, and unsigned with signed gives float64."""
    return np.intp(unit)
