"""The selective scan: discretise, scan and read out in one pass."""

from __future__ import annotations

from torch import Tensor

from ssm_companion._arguments import checked, weights_of_end
from ssm_companion._backends import pick
from ssm_companion._ops import selective
from ssm_companion._shapes import ShapeError, check, check_choice, check_positive_int
from ssm_companion._trapezoid import trapezoid
from ssm_companion.kernels import Options

DISCRETIZATIONS = ("euler", "zoh", "bilinear", "trapezoid")


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    *,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    discretization: str = "euler",
    end_weight: Tensor | None = None,
    conj_pairs: bool | None = None,
    initial_state: Tensor | None = None,
    cu_seqlens: Tensor | None = None,
    return_last_state: bool = False,
    chunk_size: int = 64,
    backend: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    r"""Run a diagonal system whose step, input and output weights vary in time.

    :math:`h_t = a(\delta_t A) h_{t-1} + b(\delta_t, A, B_t) u_t` and
    :math:`y_t = (\operatorname{Re} C_t h_t + D u_t) \operatorname{silu}(z_t)`, each channel with N
    modes of its own.

    Parameters
    ----------
    u : Tensor, ``(B, L, D)``
        Inputs, with ``L >= 1``.
    delta : Tensor, ``(B, L, D)``
        Steps, in the unit of time of 1/A; finite.
    A : Tensor, ``(D, N)``
        Diagonal of the system, real or complex. Modes with a positive real part grow.
    B : Tensor, ``(B, L, N)``, ``(B, L, G, N)`` or ``(D, N)``
        Input weights, real or complex: shared by all channels, by each of G groups of ``D / G``
        consecutive channels, or constant in time.
    C : Tensor, ``(B, L, N)``, ``(B, L, G, N)`` or ``(D, N)``
        Output weights, likewise. No conjugate is taken.
    D : Tensor, ``(D,)``, optional
        Feed-through.
    z : Tensor, ``(B, L, D)``, optional
        Gate: the output is multiplied by ``silu(z)``.
    delta_bias : Tensor, ``(D,)``, optional
        Added to ``delta``.
    delta_softplus : bool, optional
        Take ``softplus(delta + delta_bias)`` for the step.
    discretization : {"euler", "zoh", "bilinear", "trapezoid"}, optional
        The rule, as in ``ssm_companion.discretize``.
    end_weight : Tensor, ``(B, L, D)``, optional
        Weight of the end of each step in the trapezoidal rule; 1/2 if None.
    conj_pairs : bool, optional
        Each mode stands for itself and its conjugate, so that the sum over modes is
        :math:`2 \operatorname{Re} C h`. If None, exactly when ``A`` is complex.
    initial_state : Tensor, ``(B, D, N)``, optional
        The state before the first step; zeros if None.
    cu_seqlens : Tensor, ``(n_seqs + 1,)``, optional
        Boundaries ``(0, ..., L)`` of sequences packed end to end into a batch of 1; int32 or
        int64. No state passes a boundary; states are then ``(n_seqs, D, N)``.
    return_last_state : bool, optional
        Return the last state too.
    chunk_size : int, optional
        Steps between two stored states. The backward pass computes the others anew: more steps
        store less and need more scratch memory.
    backend : {"auto", "reference", "chunked", "cpu", "gpu"}, optional
        The implementation; :func:`ssm_companion.explain` says what "auto" takes.

    Returns
    -------
    y : Tensor, ``(B, L, D)``
        Outputs, of the dtype of ``u``.
    last_state : Tensor, ``(B, D, N)``
        With ``return_last_state`` only: the state after the last step, in a pair with ``y``.

    Raises
    ------
    ShapeError
        For a wrong shape. It is a ValueError.
    TypeError
        For a dtype that is not supported or does not go with that of ``u``.
    ValueError
        For a step that is not finite, a wrong ``cu_seqlens``, ``discretization``, ``chunk_size``
        or ``backend``, ``end_weight`` without the trapezoidal rule, ``conj_pairs`` for a real
        system, or tensors on several devices.

    Notes
    -----
    *Precision.* float32 and float64 compute in their own precision; with bfloat16 and float16
    inputs everything is computed in float32 and ``y`` is rounded. ``u``, ``delta``, ``z``,
    ``end_weight``, ``B`` and ``C`` may have the dtype of ``u`` or the one of the computation;
    parameters and states have the one of the computation. Complex tensors have its complex type.

    *Derivatives* are with respect to every tensor of floats and flow through both states. Second
    derivatives and forward mode need ``backend="reference"``.

    *Trapezoid.* Its next step needs the last input besides the state, so its states are
    ``(B, D, 2, N)``: h, then ``B u`` of the last step.

    *Not finite.* A NaN or an infinity in ``delta`` is an error on the CPU. On a GPU, where looking
    would stop the queue, and in the reference it reaches the outputs.

    References
    ----------
    Gu and Dao, arXiv 2312.00752 (2023), algorithm 2. The rule for B and the factor 2, which other
    libraries leave unsaid, are arguments here.

    Examples
    --------
    A step of 0 neither writes nor forgets, so the state holds what it took in at the second step:

    >>> import torch
    >>> from ssm_companion import selective_scan
    >>> u = torch.tensor([7.0, 3.0, 5.0]).reshape(1, 3, 1)
    >>> delta = torch.tensor([0.0, 1.0, 0.0]).reshape(1, 3, 1)
    >>> A, B, C = -torch.ones(1, 1), torch.ones(1, 3, 1), torch.ones(1, 3, 1)
    >>> selective_scan(u, delta, A, B, C).flatten()
    tensor([0., 3., 3.])
    """
    check_choice("discretization", discretization, DISCRETIZATIONS)
    check_positive_int("chunk_size", chunk_size)
    is_trapezoid = discretization == "trapezoid"
    if end_weight is not None and not is_trapezoid:
        raise ValueError(
            f"`end_weight` goes with discretization='trapezoid', got {discretization!r}"
        )
    inputs, sizes = checked(
        u,
        delta,
        A,
        B,
        C,
        D,
        z,
        delta_bias=delta_bias,
        initial_state=initial_state,
        cu_seqlens=cu_seqlens,
        two_states=is_trapezoid,
    )
    if conj_pairs and not inputs.A.is_complex():
        raise ValueError("`conj_pairs` needs a complex system, got real A, B and C")
    pairs = A.is_complex() if conj_pairs is None else bool(conj_pairs)
    options = Options(bool(delta_softplus), discretization, pairs, chunk_size)
    name = pick(u.device, backend)
    if is_trapezoid:
        y, last = trapezoid(inputs, weights_of_end(end_weight, inputs, u), options, name)
    else:
        y, last = selective(inputs, options, name)
    y = y.unflatten(0, (sizes["B"], sizes["L"])).to(u.dtype)
    return (y, last) if return_last_state else y


def selective_step(
    state: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    *,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    discretization: str = "euler",
    end_weight: Tensor | None = None,
    conj_pairs: bool | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Take one step of :func:`selective_scan`.

    Parameters
    ----------
    state : Tensor, ``(B, D, N)``
        The state before the step; left as it is.
    u : Tensor, ``(B, D)``
        Inputs of this step.
    delta : Tensor, ``(B, D)``
        Steps, in the unit of time of 1/A.
    A : Tensor, ``(D, N)``
        Diagonal of the system, real or complex.
    B : Tensor, ``(B, N)``, ``(B, G, N)`` or ``(D, N)``
        Input weights.
    C : Tensor, ``(B, N)``, ``(B, G, N)`` or ``(D, N)``
        Output weights.
    D : Tensor, ``(D,)``, optional
        Feed-through.
    z : Tensor, ``(B, D)``, optional
        Gate.
    delta_bias : Tensor, ``(D,)``, optional
        Added to ``delta``.
    delta_softplus : bool, optional
        Take ``softplus(delta + delta_bias)`` for the step.
    discretization : {"euler", "zoh", "bilinear", "trapezoid"}, optional
        The rule.
    end_weight : Tensor, ``(B, D)``, optional
        Weight of the end of the step in the trapezoidal rule; 1/2 if None.
    conj_pairs : bool, optional
        As in :func:`selective_scan`.

    Returns
    -------
    y : Tensor, ``(B, D)``
        Outputs of this step.
    state : Tensor, ``(B, D, N)``
        The next state.

    Raises
    ------
    ShapeError
        For a wrong shape, or where ``B = D`` makes ``B`` or ``C`` of two axes ambiguous: give
        ``(B, 1, N)`` for weights of this step. It is a ValueError.
    TypeError, ValueError
        As in :func:`selective_scan`.

    Examples
    --------
    >>> import torch
    >>> from ssm_companion import selective_step
    >>> state, one = torch.full((1, 1, 1), 3.0), torch.ones(1, 1)
    >>> y, state = selective_step(state, 5 * one, 0 * one, -one, one.unsqueeze(1), one.unsqueeze(1))
    >>> y
    tensor([[3.]])
    """
    sizes = check("A", A, "D N", check("u", u, "B D"))
    y, state = selective_scan(
        u.unsqueeze(1),
        _one_step("delta", delta, sizes),
        A,
        _weights_of_step("B", B, sizes),
        _weights_of_step("C", C, sizes),
        D,
        None if z is None else _one_step("z", z, sizes),
        delta_bias=delta_bias,
        delta_softplus=delta_softplus,
        discretization=discretization,
        end_weight=None if end_weight is None else _one_step("end_weight", end_weight, sizes),
        conj_pairs=conj_pairs,
        initial_state=state,
        return_last_state=True,
        backend="reference",
    )
    return y.squeeze(1), state


def _one_step(name: str, x: Tensor, sizes: dict) -> Tensor:
    check(name, x, "B D", sizes)
    return x.unsqueeze(1)


def _weights_of_step(name: str, x: Tensor, sizes: dict) -> Tensor:
    """B or C of one step with an axis of time, unless constant."""
    if getattr(x, "ndim", None) == 3:
        return x.unsqueeze(1)
    constant = check(name, x, "rows N")["rows"] == sizes["D"]
    if constant and sizes["B"] == sizes["D"]:
        raise ShapeError(
            f"`{name}` of shape {tuple(x.shape)} could be (B, N) or (D, N) here, as B = D; give "
            "(B, 1, N), or (B, D, N) for a constant one"
        )
    if constant:
        return x
    check(name, x, "B N", sizes)
    return x.unsqueeze(1)
