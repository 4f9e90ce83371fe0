"""Vectors in numba: a type that LLVM maps to the registers of the machine.

numba leaves vectorisation to LLVM, which does not touch `exp` and does not keep a state in
registers. So the kernels say what they mean: `load` reads `lanes` numbers at once, and arithmetic
on the result is arithmetic on all of them. A vector wider than a register is split into several,
which run side by side and hide each other's latency. The same code serves every machine.

A function on vectors is a Python function on `Value`s, whose operators emit instructions, made
known to numba by `emitted`. It runs while a kernel is compiled: its loops and branches leave no
trace in the code.
"""

from __future__ import annotations

import inspect
import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils, errors
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

# a * b + c may be rounded once
_CONTRACT = ("contract",)
_INT32 = ir.IntType(32)


class Vector(types.Type):
    """`lanes` numbers of type `dtype`, float32 or float64."""

    def __init__(self, dtype: types.Float, lanes: int):
        self.dtype = dtype
        self.lanes = lanes
        super().__init__(name=f"Vector({dtype}, {lanes})")

    @property
    def is_single(self) -> bool:
        return self.dtype == types.float32

    @property
    def llvm(self) -> ir.VectorType:
        element = ir.FloatType() if self.is_single else ir.DoubleType()
        return ir.VectorType(element, self.lanes)

    @property
    def integers(self) -> ir.VectorType:
        return ir.VectorType(ir.IntType(self.dtype.bitwidth), self.lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, fe_type.llvm)


class Value:
    """A vector while code is emitted. Numbers that meet it are repeated in all lanes."""

    def __init__(self, builder: ir.IRBuilder, vector: Vector, llvm: ir.Value):
        self.builder, self.vector, self.llvm = builder, vector, llvm

    def __add__(self, other):
        return self._apply("fadd", self, other)

    def __sub__(self, other):
        return self._apply("fsub", self, other)

    def __mul__(self, other):
        return self._apply("fmul", self, other)

    def __truediv__(self, other):
        return self._apply("fdiv", self, other)

    def __radd__(self, other):
        return self._apply("fadd", other, self)

    def __rsub__(self, other):
        return self._apply("fsub", other, self)

    def __rmul__(self, other):
        return self._apply("fmul", other, self)

    def __rtruediv__(self, other):
        return self._apply("fdiv", other, self)

    def __neg__(self):
        return self._new(self.builder.fneg(self.llvm))

    def horner(self, coefficients: list[float]) -> Value:
        """The polynomial with these coefficients, the constant one first."""
        *rest, last = coefficients
        total = self._constant(last)
        name = f"llvm.fmuladd.{_suffix(self.vector)}"
        for c in reversed(rest):
            total = _call(self.builder, name, total.type, [total, self.llvm, self._constant(c)])
        return self._new(total)

    def where(self, relation: str, bound, then, otherwise) -> Value:
        """`then` in the lanes where `self relation bound`, else, and for NaN, `otherwise`."""
        true = self.builder.fcmp_ordered(relation, self.llvm, self._raw(bound))
        return self._new(self.builder.select(true, self._raw(then), self._raw(otherwise)))

    def clamped(self, low: float, high: float) -> Value:
        """Between two numbers; NaN stays NaN."""
        above = self.where("<", low, low, self)
        return above.where(">", high, high, above)

    def bits(self) -> Bits:
        """The same bits as integers."""
        integers = self.builder.bitcast(self.llvm, self.vector.integers)
        return Bits(self.builder, self.vector, integers)

    def _apply(self, instruction: str, *operands) -> Value:
        operate = getattr(self.builder, instruction)
        return self._new(operate(*(self._raw(x) for x in operands), flags=_CONTRACT))

    def _new(self, llvm: ir.Value) -> Value:
        return Value(self.builder, self.vector, llvm)

    def _raw(self, x) -> ir.Value:
        return x.llvm if isinstance(x, Value) else self._constant(float(x))

    def _constant(self, x: float) -> ir.Constant:
        return ir.Constant(self.vector.llvm, [x] * self.vector.lanes)


class Bits:
    """The lanes of a vector as integers of the same width."""

    def __init__(self, builder: ir.IRBuilder, vector: Vector, llvm: ir.Value):
        self.builder, self.vector, self.llvm = builder, vector, llvm

    def __add__(self, other):
        return self._apply("add", other)

    def __sub__(self, other):
        return self._apply("sub", other)

    def __lshift__(self, count: int):
        return self._apply("shl", count)

    def __rshift__(self, count: int):
        return self._apply("ashr", count)

    def choose(self, mask: int, then: Value, otherwise: Value) -> Value:
        """`then` in the lanes that have a bit of the mask set, else `otherwise`."""
        masked = self._apply("and_", mask).llvm
        set_ = self.builder.icmp_unsigned("!=", masked, self._constant(0))
        return then._new(self.builder.select(set_, then.llvm, otherwise.llvm))

    def as_floats(self) -> Value:
        """The same bits as floats."""
        floats = self.builder.bitcast(self.llvm, self.vector.llvm)
        return Value(self.builder, self.vector, floats)

    def to_floats(self) -> Value:
        """The same integers as floats."""
        floats = self.builder.sitofp(self.llvm, self.vector.llvm)
        return Value(self.builder, self.vector, floats)

    def _apply(self, instruction: str, other) -> Bits:
        other = other.llvm if isinstance(other, Bits) else self._constant(other)
        result = getattr(self.builder, instruction)(self.llvm, other)
        return Bits(self.builder, self.vector, result)

    def _constant(self, x: int) -> ir.Constant:
        return ir.Constant(self.vector.integers, [x] * self.vector.lanes)


def emitted(function):
    """Make a function of `Value`s, and of tuples of them, known to numba.

    Called from a kernel it takes vectors, tuples of vectors and numbers, which become `Value`s, and
    what is known when compiling, which stays as it is. It returns vectors or tuples of vectors.
    """

    def typed(typingctx, *kinds):
        vector = _vector_among(kinds)

        def emit(builder, arguments, cast):
            values = [
                _wrap(builder, cast, vector, *pair) for pair in zip(kinds, arguments, strict=True)
            ]
            return function(*values)

        def codegen(context, builder, sig, arguments):
            def cast(value, kind):
                return context.cast(builder, value, kind, vector.dtype)

            return _unwrap(context, builder, emit(builder, arguments, cast))

        # what kind of result there is is seen from code that is thrown away
        result = _rehearse(emit, kinds, vector)
        return result(*kinds), codegen

    context = inspect.Parameter("typingctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    typed.__signature__ = inspect.Signature([context, *parameters])
    typed.__name__, typed.__doc__ = function.__name__, function.__doc__
    return intrinsic(prefer_literal=True)(typed)


def _vector_among(kinds) -> Vector:
    for kind in kinds:
        if isinstance(kind, Vector):
            return kind
        if isinstance(kind, types.BaseTuple) and (found := _vector_among(kind)):
            return found
    return None


def _wrap(builder, cast, vector, kind, value):
    if isinstance(kind, types.Literal):
        return kind.literal_value
    if isinstance(kind, types.BaseTuple):
        parts = [builder.extract_value(value, i) for i in range(len(kind))]
        return tuple(_wrap(builder, cast, vector, *pair) for pair in zip(kind, parts, strict=True))
    if isinstance(kind, types.Number):
        value = _splat(builder, cast(value, kind), vector.lanes)
    return Value(builder, vector, value)


def _unwrap(context, builder, result):
    if isinstance(result, Value):
        return result.llvm
    parts = [_unwrap(context, builder, part) for part in result]
    return context.make_tuple(builder, _kind(result), parts)


def _kind(result) -> types.Type:
    if isinstance(result, Value):
        return result.vector
    return types.Tuple([_kind(part) for part in result])


def _rehearse(emit, kinds, vector: Vector) -> types.Type:
    def shape(kind):
        if isinstance(kind, types.BaseTuple):
            return ir.LiteralStructType([shape(part) for part in kind])
        return kind.llvm if isinstance(kind, Vector) else vector.llvm.element

    function = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), []), "rehearsal")
    builder = ir.IRBuilder(function.append_basic_block())
    arguments = [ir.Constant(shape(kind), ir.Undefined) for kind in kinds]
    return _kind(emit(builder, arguments, lambda value, kind: value))


def known(kind: types.Type) -> int:
    """The value of an argument that has to be known when compiling."""
    if not isinstance(kind, types.Literal):
        raise errors.RequireLiteralValue(f"expected a constant, got {kind}")
    return kind.literal_value


@intrinsic(prefer_literal=True)
def load(typingctx, array, index, lanes):
    """`lanes` entries of a flat array from `index` on; nothing is checked."""
    vector = Vector(array.dtype, known(lanes))

    def codegen(context, builder, sig, args):
        return builder.load(_pointer(context, builder, sig, args, vector), align=_bytes(vector))

    return vector(array, types.intp, lanes), codegen


@intrinsic
def store(typingctx, array, index, vector):
    """Write a vector to a flat array from `index` on; nothing is checked."""

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig, args, vector)
        builder.store(args[2], pointer, align=_bytes(vector))
        return context.get_dummy_value()

    return types.none(array, types.intp, vector), codegen


@intrinsic(prefer_literal=True)
def load_first(typingctx, array, index, count, lanes):
    """Like `load`, but only the first `count` lanes; the others are zero."""
    vector = Vector(array.dtype, known(lanes))

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig, args, vector)
        mask = _first(builder, args[2], vector)
        nothing = ir.Constant(vector.llvm, [0.0] * vector.lanes)
        arguments = [pointer, ir.Constant(_INT32, _bytes(vector)), mask, nothing]
        return _call(builder, f"llvm.masked.load.{_suffix(vector)}.p0", vector.llvm, arguments)

    return vector(array, types.intp, types.intp, lanes), codegen


@intrinsic
def store_first(typingctx, array, index, count, vector):
    """Like `store`, but only the first `count` lanes."""

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig, args, vector)
        mask = _first(builder, args[2], vector)
        arguments = [args[3], pointer, ir.Constant(_INT32, _bytes(vector)), mask]
        _call(builder, f"llvm.masked.store.{_suffix(vector)}.p0", ir.VoidType(), arguments)
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


def total(builder, value, vector: Vector):
    """LLVM code for the sum over the lanes, in a fixed order."""
    lanes = vector.lanes
    while lanes > 1:
        lanes //= 2
        nothing = ir.Constant(value.type, ir.Undefined)
        low = builder.shuffle_vector(value, nothing, _mask(range(lanes)))
        high = builder.shuffle_vector(value, nothing, _mask(range(lanes, 2 * lanes)))
        value = builder.fadd(low, high)
    return builder.extract_element(value, ir.Constant(_INT32, 0))


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


def _mask(indices) -> ir.Constant:
    indices = list(indices)
    return ir.Constant(ir.VectorType(_INT32, len(indices)), indices)


def _bytes(vector: Vector) -> int:
    return vector.dtype.bitwidth // 8


def _suffix(vector: Vector) -> str:
    return f"v{vector.lanes}f{vector.dtype.bitwidth}"


def _pointer(context, builder, sig, args, vector: Vector):
    array = context.make_array(sig.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), vector.llvm.as_pointer())


def _first(builder, count, vector: Vector):
    """A mask of the first `count` lanes."""
    lane = ir.Constant(ir.VectorType(count.type, vector.lanes), list(range(vector.lanes)))
    return builder.icmp_signed("<", lane, _splat(builder, count, vector.lanes))


def _splat(builder, value, lanes: int):
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, nothing, _mask([0] * lanes))


def _call(builder, name: str, result, arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _operator(op, instruction: str) -> None:
    """Let `op` work in kernels on two vectors, or on a vector and a number."""

    @infer_global(op)
    class _Template(AbstractTemplate):
        def generic(self, args, kws):
            if len(args) == 2 and (vector := _vector_among(args)):
                return signature(vector, *args)

    def lower(context, builder, sig, args):
        vector = sig.return_type

        def cast(value, kind):
            return context.cast(builder, value, kind, vector.dtype)

        kinds = [kind if isinstance(kind, Vector) else types.unliteral(kind) for kind in sig.args]
        a, b = (_wrap(builder, cast, vector, *pair) for pair in zip(kinds, args, strict=True))
        return a._apply(instruction, a, b).llvm

    for kinds in [(Vector, Vector), (Vector, types.Number), (types.Number, Vector)]:
        lower_builtin(op, *kinds)(lower)


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
