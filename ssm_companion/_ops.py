"""The operators as PyTorch sees them: `torch.library` ops with shapes, derivatives and vmap.

Each op runs the kernels of one backend, so `torch.compile` meets one opaque node forwards and
one backwards. `ssm_companion.kernels` says what the arguments are.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.library import custom_op

from ssm_companion._backends import kernels
from ssm_companion._shapes import check_finite
from ssm_companion._vector_math import settle
from ssm_companion.kernels import Inputs, Options, checkpoint_rows

settle()

# ---- h_t = a_t h_{t-1} + b_t ----


@custom_op("ssm_companion::linear_scan", mutates_args=())
def _linear(
    a: Tensor, b: Tensor, h0: Tensor, bounds: Tensor, reverse: bool, backend: str
) -> Tensor:
    a, b, h0 = (_plain(x) for x in (a, b, h0))
    if b.numel() == 0:
        return torch.empty_like(b)
    return kernels(backend).linear(a, b, h0, bounds, reverse)


@_linear.register_fake
def _(a, b, h0, bounds, reverse, backend):
    return b.new_empty(b.shape)


@_linear.register_vmap
def _(info, dims, a, b, h0, bounds, reverse, backend):
    size = info.batch_size
    a, b, h0 = (_fold(x, d, -1, size) for x, d in zip((a, b, h0), dims, strict=False))
    h = _linear(a, b, h0, bounds, reverse, backend)
    return h.unflatten(-1, (size, -1)), 1


def _linear_vjp(scan, grad, a, h, h0, bounds, reverse):
    """Gradients of a, b and h0: the scan of the conjugate system in the other direction.

    g_t = grad_t + conj(a_{t+1}) g_{t+1} is the derivative with respect to b_t; the one with
    respect to a_t is g_t conj(h_{t-1}). `scan` computes g and is differentiable in turn.
    """
    first, last = (1, 0) if reverse else (0, 1)
    ends = [bounds[:-1], bounds[1:] - 1]
    start = ends[first]
    constant = a.ndim == 1
    # no factor leads out of a sequence: its neighbour's may be NaN, which times zero is NaN
    ahead = a if constant else a.roll(1 if reverse else -1, 0).index_fill(0, ends[last], 0)
    g = scan(torch.conj_physical(ahead), grad, torch.zeros_like(h0), bounds, not reverse)
    before = h.roll(-1 if reverse else 1, 0).index_copy(0, start, h0)
    da = g * torch.conj_physical(before)
    return (
        (da.sum(0) if constant else da),
        g,
        torch.conj_physical(a if constant else a[start]) * g[start],
    )


def _linear_setup(ctx, inputs, output):
    a, _, h0, bounds, ctx.reverse, ctx.backend = inputs
    ctx.save_for_backward(a, output, h0, bounds)
    ctx.save_for_forward(a, output, h0, bounds)


def _linear_backward(ctx, grad):
    def scan(*args):
        return _linear(*args, ctx.backend)

    return *_linear_vjp(scan, grad, *ctx.saved_tensors, ctx.reverse), None, None, None


_linear.register_autograd(_linear_backward, setup_context=_linear_setup)


class _LinearScan(torch.autograd.Function):
    """The op with forward mode besides, which `torch.library` has no place for."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a, b, h0, bounds, reverse, backend):
        return _linear(a, b, h0, bounds, reverse, backend)

    setup_context = staticmethod(_linear_setup)

    @staticmethod
    def backward(ctx, grad):
        def scan(*args):
            return _LinearScan.apply(*args, ctx.backend)

        return *_linear_vjp(scan, grad, *ctx.saved_tensors, ctx.reverse), None, None, None

    @staticmethod
    def jvp(ctx, da, db, dh0, *_):
        a, h, h0, bounds = ctx.saved_tensors
        da, db, dh0 = (_zeros(x, y) for x, y in ((da, a), (db, h), (dh0, h0)))
        start = bounds[1:] - 1 if ctx.reverse else bounds[:-1]
        before = h.roll(-1 if ctx.reverse else 1, 0).index_copy(0, start, h0)
        return _LinearScan.apply(a, da * before + db, dh0, bounds, ctx.reverse, ctx.backend)


def linear(a, b, h0, bounds, reverse, backend) -> Tensor:
    """h_t = a_t h_{t-1} + b_t by one backend, differentiable to every order."""
    if backend == "reference":
        return kernels(backend).linear(a, b, h0, bounds, reverse)
    # dynamo does not trace a Function with a jvp, and has no use for one
    plain = not _forward_mode() and torch.compiler.is_compiling()
    op = _linear if plain else _LinearScan.apply
    return op(a, b, h0, bounds, reverse, backend)


# ---- the selective scan ----

_TENSORS = len(Inputs._fields)
_CHANNEL_AXIS = Inputs(
    u=-1, delta=-1, w=-1, A=-2, B=-2, C=-2, D=-1, z=-1, bias=-1, h0=-2, bounds=None
)


@custom_op("ssm_companion::selective_scan", mutates_args=())
def _selective(
    u: Tensor,
    delta: Tensor,
    w: Tensor | None,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    bias: Tensor | None,
    h0: Tensor,
    bounds: Tensor,
    softplus: bool,
    method: str,
    pairs: bool,
    chunk: int,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor]:
    inputs = Inputs(*(_plain(x) for x in (u, delta, w, A, B, C, D, z, bias, h0, bounds)))
    # the kernels of the CPU look for themselves; a sum is read faster than each step looked at
    if u.device.type == "cpu" and backend != "cpu" and not delta.sum().isfinite():
        check_finite("delta", delta)
    if h0.numel() == 0 or u.numel() == 0:
        return _selective_shapes(inputs, chunk)
    return kernels(backend).forward(inputs, Options(softplus, method, pairs, chunk))


def _selective_shapes(inputs: Inputs, chunk: int) -> tuple[Tensor, Tensor, Tensor]:
    kept = checkpoint_rows(inputs.u.shape[0], inputs.h0.shape[0], chunk)
    h0 = inputs.h0
    return (
        inputs.u.new_zeros(inputs.u.shape),
        h0.new_zeros(h0.shape),
        h0.new_zeros((kept, *h0.shape[1:])),
    )


@_selective.register_fake
def _(*args):
    return _selective_shapes(Inputs(*args[:_TENSORS]), args[-2])


@custom_op("ssm_companion::selective_scan_backward", mutates_args=())
def _selective_backward(
    dy: Tensor,
    dlast: Tensor,
    checkpoints: Tensor,
    u: Tensor,
    delta: Tensor,
    w: Tensor | None,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    bias: Tensor | None,
    h0: Tensor,
    bounds: Tensor,
    softplus: bool,
    method: str,
    pairs: bool,
    chunk: int,
    backend: str,
) -> list[Tensor]:
    inputs = Inputs(*(_plain(x) for x in (u, delta, w, A, B, C, D, z, bias, h0, bounds)))
    if h0.numel() == 0 or u.numel() == 0:
        return [torch.zeros_like(x) for x in inputs[:-1] if x is not None]
    options = Options(softplus, method, pairs, chunk)
    run = kernels(backend).backward
    grads = run(_plain(dy), _plain(dlast), inputs, checkpoints, options)
    # an op returns no None: the gradients of the tensors that are there, in order
    return [grad for grad in grads if grad is not None]


@_selective_backward.register_fake
def _(dy, dlast, checkpoints, *args):
    return [torch.empty_like(x) for x in args[: _TENSORS - 1] if x is not None]


def _selective_setup(ctx, inputs, output):
    ctx.save_for_backward(*inputs[:_TENSORS], output[2])
    ctx.options = inputs[_TENSORS:]
    ctx.set_materialize_grads(True)


def _selective_vjp(ctx, dy, dlast, _):
    *inputs, checkpoints = ctx.saved_tensors
    grads = _selective_backward(dy, dlast, checkpoints, *inputs, *ctx.options)
    return _by_input(inputs, grads, ctx.options)


def _by_input(inputs, grads, options) -> tuple[Tensor | None, ...]:
    """One gradient for each argument of the op, from those of the tensors that are there."""
    grads = iter(grads)
    found = [None if x is None else next(grads) for x in inputs[:-1]]
    return *found, None, *(None for _ in options)


def _once(ctx, *grads):
    raise NotImplementedError(
        "second derivatives of a selective scan need backend='reference'; the kernels have first "
        "derivatives only"
    )


def _reverse_only(ctx, *tangents):
    raise NotImplementedError(
        "forward mode through a selective scan needs backend='reference'; the kernels have "
        "derivatives in reverse mode only"
    )


_selective.register_autograd(_selective_vjp, setup_context=_selective_setup)
_selective_backward.register_autograd(_once)


@_selective.register_vmap
def _(info, dims, *args):
    inputs = _fold_inputs(Inputs(*args[:_TENSORS]), dims, info.batch_size)
    outputs = _selective(*inputs, *args[_TENSORS:])
    return _unfold(outputs, (-1, -2, -2), info.batch_size), (0, 0, 0)


@_selective_backward.register_vmap
def _(info, dims, dy, dlast, checkpoints, *args):
    size = info.batch_size
    inputs = _fold_inputs(Inputs(*args[:_TENSORS]), dims[3:], size)
    dy, dlast, checkpoints = (
        _fold(x, dim, axis, size)
        for x, dim, axis in zip((dy, dlast, checkpoints), dims, (-1, -2, -2), strict=False)
    )
    grads = _selective_backward(dy, dlast, checkpoints, *inputs, *args[_TENSORS:])
    there = [axis for x, axis in zip(inputs, _CHANNEL_AXIS, strict=True) if x is not None]
    grads = list(_unfold(grads, there[:-1], size))
    return grads, [0] * len(grads)


class _SelectiveScan(torch.autograd.Function):
    """The op for `torch.func`, which does not differentiate ops of `torch.library`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*args):
        return _selective(*args)

    setup_context = staticmethod(_selective_setup)

    @staticmethod
    def backward(ctx, dy, dlast, _):
        *inputs, checkpoints = ctx.saved_tensors
        args = (dy, dlast, checkpoints, *inputs, *ctx.options)
        return _by_input(inputs, _SelectiveBackward.apply(*args), ctx.options)

    jvp = staticmethod(_reverse_only)


class _SelectiveBackward(torch.autograd.Function):
    """The derivative, which has none itself."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*args):
        return tuple(_selective_backward(*args))

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    backward = staticmethod(_once)
    jvp = staticmethod(_once)


def selective(inputs: Inputs, options: Options, backend: str) -> tuple[Tensor, Tensor]:
    """Outputs (T, D) and last states (S, D, N) by one backend."""
    if backend == "reference":
        return kernels(backend).selective(inputs, options)
    # the op alone is enough where nothing is differentiated, and has less to do
    undifferentiated = torch.compiler.is_compiling() or not torch.is_grad_enabled()
    plain = not _forward_mode() and undifferentiated
    op = _selective if plain else _SelectiveScan.apply
    y, last, _ = op(*inputs, *options, backend)
    return y, last


# ---- what both need ----


def _forward_mode() -> bool:
    """Whether tangents may be on their way, which an op of `torch.library` would make zeros."""
    found = forward_ad._current_level >= 0
    if found and torch.compiler.is_compiling():
        # an error in a trace, after which dynamo leaves the function to Python unless fullgraph
        raise NotImplementedError("`torch.compile` with fullgraph has no forward mode for scans")
    return found


def _plain(x: Tensor | None) -> Tensor | None:
    """A tensor whose memory is what it says: no lazy conjugate, no stride tricks."""
    return None if x is None else x.resolve_conj().resolve_neg().contiguous()


def _zeros(x: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if x is None else x


def _fold(x: Tensor | None, dim: int | None, axis: int, size: int) -> Tensor | None:
    """A batch of systems as one with more channels: the batch goes in front of `axis`."""
    if x is None:
        return None
    x = x.unsqueeze(0).expand(size, *x.shape) if dim is None else x.movedim(dim, 0)
    return x.movedim(0, axis - 1).flatten(axis - 1, axis)


def _fold_inputs(inputs: Inputs, dims, size: int) -> Inputs:
    if dims[_TENSORS - 1] is not None:
        raise ValueError("`cu_seqlens` must be the same for all that vmap maps over")
    folded = [
        _fold(x, dim, axis, size)
        for x, dim, axis in zip(inputs[:-1], dims, _CHANNEL_AXIS, strict=False)
    ]
    return Inputs(*folded, inputs.bounds)


def _unfold(outputs, axes, size: int) -> tuple[Tensor, ...]:
    pairs = zip(outputs, axes, strict=True)
    return tuple(x.unflatten(axis, (size, -1)).movedim(axis - 1, 0) for x, axis in pairs)
