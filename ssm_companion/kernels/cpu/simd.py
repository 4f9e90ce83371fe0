"""Vectors in numba: a type that LLVM maps to the registers of the machine.

numba leaves vectorisation to LLVM, which does not touch `exp` and does not keep a state in
registers. So the kernels say what they mean: `load` reads `lanes` numbers at once, and arithmetic
on the result is arithmetic on all of them. A vector wider than a register is split into several,
which run side by side and hide each other's latency. The same code serves every machine.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils, errors
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

# a * b + c may be rounded once
_CONTRACT = ("contract",)


class Vector(types.Type):
    """`lanes` numbers of type `dtype`, float32 or float64."""

    def __init__(self, dtype: types.Float, lanes: int):
        self.dtype = dtype
        self.lanes = lanes
        super().__init__(name=f"Vector({dtype}, {lanes})")


def known(kind: types.Type) -> int:
    """The value of an argument that has to be known when compiling."""
    if not isinstance(kind, types.Literal):
        raise errors.RequireLiteralValue(f"expected a constant, got {kind}")
    return kind.literal_value


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _llvm(fe_type))


@intrinsic(prefer_literal=True)
def load(typingctx, array, index, lanes):
    """`lanes` entries of a flat array from `index` on; nothing is checked."""
    vector = Vector(array.dtype, known(lanes))

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig, args, vector)
        return builder.load(pointer, align=vector.dtype.bitwidth // 8)

    return vector(array, types.intp, lanes), codegen


@intrinsic
def store(typingctx, array, index, vector):
    """Write a vector to a flat array from `index` on; nothing is checked."""

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig, args, vector)
        builder.store(args[2], pointer, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.none(array, types.intp, vector), codegen


@intrinsic(prefer_literal=True)
def load_first(typingctx, array, index, count, lanes):
    """Like `load`, but only the first `count` lanes; the others are zero."""
    vector = Vector(array.dtype, known(lanes))

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig, args, vector)
        kind, mask = _llvm(vector), _first(context, builder, args[2], vector)
        nothing = ir.Constant(kind, [0.0] * vector.lanes)
        arguments = [pointer, _alignment(vector), mask, nothing]
        return _call(builder, f"llvm.masked.load.{_suffix(kind)}.p0", kind, arguments)

    return vector(array, types.intp, types.intp, lanes), codegen


@intrinsic
def store_first(typingctx, array, index, count, vector):
    """Like `store`, but only the first `count` lanes."""

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig, args, vector)
        mask = _first(context, builder, args[2], vector)
        arguments = [args[3], pointer, _alignment(vector), mask]
        name = f"llvm.masked.store.{_suffix(args[3].type)}.p0"
        _call(builder, name, ir.VoidType(), arguments)
        return context.get_dummy_value()

    return types.none(array, types.intp, types.intp, vector), codegen


@intrinsic(prefer_literal=True)
def splat(typingctx, value, lanes):
    """A vector with one value in all lanes."""
    value = types.unliteral(value)
    vector = Vector(value, known(lanes))

    def codegen(context, builder, sig, args):
        return _splat(builder, args[0], vector.lanes)

    return vector(value, lanes), codegen


@intrinsic
def clamped(typingctx, x, low, high):
    """Bring x between two numbers; NaN stays NaN."""

    def codegen(context, builder, sig, args):
        value, low_, high_ = _aligned(context, builder, x, sig.args, args)
        value = builder.select(builder.fcmp_ordered("<", value, low_), low_, value)
        return builder.select(builder.fcmp_ordered(">", value, high_), high_, value)

    return x(x, low, high), codegen


@intrinsic
def unzipped(typingctx, low, high):
    """The even and the odd entries of two vectors laid end to end."""

    def codegen(context, builder, sig, args):
        even, odd = range(0, 2 * low.lanes, 2), range(1, 2 * low.lanes, 2)
        halves = [builder.shuffle_vector(*args, _mask(lanes)) for lanes in (even, odd)]
        return context.make_tuple(builder, sig.return_type, halves)

    return types.UniTuple(low, 2)(low, high), codegen


@intrinsic
def zipped(typingctx, even, odd):
    """Two vectors that, laid end to end, have these even and odd entries."""

    def codegen(context, builder, sig, args):
        lanes = even.lanes
        order = [i // 2 + lanes * (i % 2) for i in range(2 * lanes)]
        halves = [builder.shuffle_vector(*args, _mask(x)) for x in (order[:lanes], order[lanes:])]
        return context.make_tuple(builder, sig.return_type, halves)

    return types.UniTuple(even, 2)(even, odd), codegen


@intrinsic
def power_of_two(typingctx, shifted):
    """2**n, where `shifted` is n plus 1.5 * 2**23 (float32) or 1.5 * 2**52 (float64).

    Such a number holds n in the low bits of its mantissa, and n enters the exponent from there.
    """
    bits, bias = (23, 127) if shifted.dtype == types.float32 else (52, 1023)

    def codegen(context, builder, sig, args):
        integer = _integer(shifted)
        n = builder.bitcast(args[0], integer)
        n = builder.shl(n, ir.Constant(integer, [bits] * shifted.lanes))
        n = builder.add(n, ir.Constant(integer, [bias << bits] * shifted.lanes))
        return builder.bitcast(n, args[0].type)

    return shifted(shifted), codegen


@intrinsic
def turned(typingctx, shifted, sin, cosm1):
    """(cos - 1, sin) of an angle of n quarter turns and a rest, from those of the rest.

    `shifted` holds n as in `power_of_two`. Where n is a multiple of 4, cos - 1 is passed on and
    loses no digit.
    """

    def codegen(context, builder, sig, args):
        n = builder.bitcast(args[0], _integer(shifted))

        def constant(value):
            return ir.Constant(n.type, [value] * shifted.lanes)

        def is_set(value, mask):
            return builder.icmp_unsigned("!=", builder.and_(value, constant(mask)), constant(0))

        def negative_if(condition, value):
            return builder.select(condition, builder.fneg(value), value)

        one = ir.Constant(args[0].type, [1.0] * shifted.lanes)
        sin, cosm1 = args[1:]
        cos = builder.fadd(cosm1, one)
        odd = is_set(n, 1)
        new_sin = negative_if(is_set(n, 2), builder.select(odd, cos, sin))
        new_cos = builder.select(odd, sin, cos)
        new_cos = negative_if(is_set(builder.add(n, constant(1)), 2), new_cos)
        new_cosm1 = builder.select(is_set(n, 3), builder.fsub(new_cos, one), cosm1)
        return context.make_tuple(builder, sig.return_type, (new_cosm1, new_sin))

    return types.UniTuple(shifted, 2)(shifted, sin, cosm1), codegen


@intrinsic
def split_exponent(typingctx, x):
    """(m, e) with x = m 2**e and m in [sqrt(1/2), sqrt(2)), for x >= 1."""
    single = x.dtype == types.float32
    bits = 23 if single else 52
    # the bits of sqrt(1/2): what is added on top of them carries into the exponent
    root = 0x3F3504F3 if single else 0x3FE6A09E667F3BCD

    def codegen(context, builder, sig, args):
        raw = builder.bitcast(args[0], _integer(x))

        def constant(value):
            return ir.Constant(raw.type, [value] * x.lanes)

        above = builder.sub(raw, constant(root))
        e = builder.ashr(above, constant(bits))
        m = builder.sub(raw, builder.shl(e, constant(bits)))
        m = builder.bitcast(m, args[0].type)
        return context.make_tuple(builder, sig.return_type, (m, builder.sitofp(e, args[0].type)))

    return types.UniTuple(x, 2)(x), codegen


@intrinsic
def where_less(typingctx, x, bound, then, otherwise):
    """`then` in the lanes where x < bound, else `otherwise`, also where x is NaN."""

    def codegen(context, builder, sig, args):
        value, limit, *choice = _aligned(context, builder, x, sig.args, args)
        return builder.select(builder.fcmp_ordered("<", value, limit), *choice)

    return x(x, bound, then, otherwise), codegen


@intrinsic
def total(typingctx, x):
    """The sum over the lanes, in a fixed order."""

    def codegen(context, builder, sig, args):
        value, lanes = args[0], x.lanes
        while lanes > 1:
            lanes //= 2
            nothing = ir.Constant(value.type, ir.Undefined)
            low = builder.shuffle_vector(value, nothing, _mask(range(lanes)))
            high = builder.shuffle_vector(value, nothing, _mask(range(lanes, 2 * lanes)))
            value = builder.fadd(low, high)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return x.dtype(x), codegen


def _mask(indices) -> ir.Constant:
    indices = list(indices)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(indices)), indices)


def _element(dtype: types.Float):
    return ir.FloatType() if dtype == types.float32 else ir.DoubleType()


def _integer(vector: Vector) -> ir.VectorType:
    return ir.VectorType(ir.IntType(vector.dtype.bitwidth), vector.lanes)


def _llvm(vector: Vector) -> ir.VectorType:
    return ir.VectorType(_element(vector.dtype), vector.lanes)


def _pointer(context, builder, sig, args, vector: Vector):
    array = context.make_array(sig.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), _llvm(vector).as_pointer())


def _alignment(vector: Vector) -> ir.Constant:
    return ir.Constant(ir.IntType(32), vector.dtype.bitwidth // 8)


def _first(context, builder, count, vector: Vector):
    """A mask of the first `count` lanes."""
    wide = ir.VectorType(count.type, vector.lanes)
    lane = ir.Constant(wide, list(range(vector.lanes)))
    return builder.icmp_signed("<", lane, _splat(builder, count, vector.lanes))


def _suffix(kind: ir.VectorType) -> str:
    return f"v{kind.count}" + ("f32" if isinstance(kind.element, ir.FloatType) else "f64")


def _call(builder, name: str, result, arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _splat(builder, value, lanes: int):
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, _mask([0] * lanes))


def _aligned(context, builder, vector: Vector, kinds, args):
    """The arguments as vectors: numbers are cast and repeated."""
    return [
        arg
        if isinstance(kind, Vector)
        else _splat(builder, context.cast(builder, arg, kind, vector.dtype), vector.lanes)
        for kind, arg in zip(kinds, args, strict=True)
    ]


def fma(builder, a, b, c):
    """LLVM code for a * b + c."""
    return _call(builder, f"llvm.fmuladd.{_suffix(a.type)}", a.type, [a, b, c])


def _arithmetic(op, instruction: str) -> None:
    """Let `op` work on two vectors or on a vector and a number."""

    @infer_global(op)
    class _Template(AbstractTemplate):
        def generic(self, args, kws):
            vectors = [arg for arg in args if isinstance(arg, Vector)]
            if len(args) == 2 and vectors:
                return signature(vectors[0], *args)

    def lower(context, builder, sig, args):
        a, b = _aligned(context, builder, sig.return_type, sig.args, args)
        return getattr(builder, instruction)(a, b, flags=_CONTRACT)

    for kinds in [(Vector, Vector), (Vector, types.Number), (types.Number, Vector)]:
        lower_builtin(op, *kinds)(lower)


for _op, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _arithmetic(_op, _instruction)
