"""How much an activation, a gated memory and a Mamba block magnify a change of their input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import sympy as sp
from scipy.special import expit

# the root y of y tanh y = 1: silu turns from convex to concave at 2 y
_ROOT = 1.1996786402577338
SILU_BEND = 2 * _ROOT
RULES = ("euler", "zoh")

_x = sp.Symbol("x", real=True)
_EXPRESSIONS = {
    "sigmoid": 1 / (1 + sp.exp(-_x)),
    "tanh": sp.tanh(_x),
    "softplus": sp.log(1 + sp.exp(_x)),
    "silu": _x / (1 + sp.exp(-_x)),
    "exp": sp.exp(_x),
    "phi1": (sp.exp(_x) - 1) / _x,
}
_SLOPES = {
    "sigmoid": (0.0, 0.25),
    "tanh": (0.0, 1.0),
    "softplus": (0.0, 1.0),
    "silu": ((1 - _ROOT) / 2, (1 + _ROOT) / 2),
    "exp": (0.0, 1.0),
    "phi1": (0.0, 0.5),
}


class Reach(NamedTuple):
    """How large the components of a signal can be, and how fast they can change.

    Parameters
    ----------
    value : numpy.ndarray
        The signal, or a bound on the modulus of each component.
    slope : numpy.ndarray
        Of the same shape: a Lipschitz constant of each component.
    """

    value: np.ndarray
    slope: np.ndarray


def activation_expression(name: str) -> sp.Expr:
    """An activation in SymPy, as a function of the symbol ``x``, real.

    Parameters
    ----------
    name : {"sigmoid", "tanh", "softplus", "silu", "exp", "phi1"}
        Which one; ``phi1`` is :math:`(\\mathrm{e}^x - 1)/x`.

    Returns
    -------
    sympy.Expr
        The expression.

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> activation_expression("silu")
    x/(1 + exp(-x))
    """
    return _EXPRESSIONS[_known("name", name, _EXPRESSIONS)]


def slope_range(name: str) -> tuple[float, float]:
    r"""The infimum and the supremum of the slope of an activation.

    Parameters
    ----------
    name : {"sigmoid", "tanh", "softplus", "silu", "exp", "phi1"}
        Which one; ``exp`` and ``phi1`` for arguments of at most 0.

    Returns
    -------
    float
        The infimum.
    float
        The supremum; as none of the six has a steeper falling part, the Lipschitz constant.

    Raises
    ------
    ValueError
        For another name.

    Notes
    -----
    For silu they are :math:`(1 \mp y)/2` with :math:`y \tanh y = 1`, taken at :math:`\mp 2y`.

    Examples
    --------
    >>> [round(slope, 4) for slope in slope_range("silu")]
    [-0.0998, 1.0998]
    """
    return _SLOPES[_known("name", name, _SLOPES)]


def decay_slope(rate):
    r"""The steepest slope of the decay :math:`\mathrm{e}^{-\alpha\,\mathrm{softplus}(x)}` in x.

    Parameters
    ----------
    rate : float, array_like or sympy.Expr
        :math:`\alpha > 0`.

    Returns
    -------
    float, numpy.ndarray or sympy.Expr
        :math:`(\alpha/(1+\alpha))^{1+\alpha}`, taken at :math:`x = -\log\alpha`. It rises with
        the rate from 0 to 1/e.

    Raises
    ------
    ValueError
        For a rate that is not positive.

    Examples
    --------
    >>> decay_slope(1.0)
    0.25
    >>> decay_slope(sp.Symbol("alpha"))
    (alpha/(alpha + 1))**(alpha + 1)
    """
    rate = _positive("rate", rate)
    return (rate / (1 + rate)) ** (1 + rate)


def recursion_sensitivity(lag, factor, drive, factor_slope, drive_slope):
    r"""How much a state can move for one input some steps ago.

    The state is :math:`h_t = a(x_t) h_{t-1} + b(x_t)` with :math:`|a| \le \kappa`,
    :math:`|b| \le \beta` and :math:`|h_0| \le \beta/(1-\kappa)`; vectors are measured by their
    largest entry and ``a`` acts entrywise.

    Parameters
    ----------
    lag : int, array_like of int or sympy.Expr
        Steps since the input.
    factor : float, array_like or sympy.Expr
        :math:`\kappa`, below 1.
    drive : float, array_like or sympy.Expr
        :math:`\beta`.
    factor_slope : float, array_like or sympy.Expr
        Lipschitz constant of ``a``.
    drive_slope : float, array_like or sympy.Expr
        Lipschitz constant of ``b``.

    Returns
    -------
    float, numpy.ndarray or sympy.Expr
        :math:`\kappa^{\mathrm{lag}} (L_b + L_a \beta/(1-\kappa))`.

    Raises
    ------
    ValueError
        Unless ``0 <= factor < 1`` and the others are not negative.

    Examples
    --------
    >>> recursion_sensitivity(1, 0.5, 1.0, 0.25, 1.0)
    0.75
    """
    lag, drive = _not_negative("lag", lag), _not_negative("drive", drive)
    factor_slope = _not_negative("factor_slope", factor_slope)
    drive_slope = _not_negative("drive_slope", drive_slope)
    factor = _below_one("factor", factor)
    return factor**lag * (drive_slope + factor_slope * drive / (1 - factor))


def recursion_lipschitz(factor, drive, factor_slope, drive_slope):
    r"""The Lipschitz constant of the map from all inputs to all states.

    The sum of :func:`recursion_sensitivity` over all lags. It holds in the maximum norm over time
    and in every :math:`\ell_p`, and no smaller one holds for all a and b with these constants.
    With slopes 1 and 0 it is the sensitivity to a constant factor, :math:`\beta/(1-\kappa)^2`.

    Parameters
    ----------
    factor, drive, factor_slope, drive_slope : float, array_like or sympy.Expr
        As in :func:`recursion_sensitivity`.

    Returns
    -------
    float, numpy.ndarray or sympy.Expr
        :math:`(L_b + L_a \beta/(1-\kappa))/(1-\kappa)`.

    Raises
    ------
    ValueError
        As in :func:`recursion_sensitivity`.

    Examples
    --------
    >>> recursion_lipschitz(0.5, 1.0, 0.25, 1.0)
    3.0
    """
    at_once = recursion_sensitivity(0, factor, drive, factor_slope, drive_slope)
    return at_once / (1 - factor)


def clock_lipschitz(spread, together: bool = False):
    r"""How much the state of a gated memory can move if its steps are made longer or shorter.

    The state goes towards the value of the moment, :math:`h_t = \mathrm{e}^{-z_t} h_{t-1} +
    (1 - \mathrm{e}^{-z_t}) v_t`, for values and a start in an interval. The change of each
    :math:`\log z_t` is at most 1 in modulus. For :math:`z = \alpha\,\mathrm{softplus}(x)` this
    covers changes of x by at most 1; for every rate, and whatever the gates are.

    Parameters
    ----------
    spread : float, array_like or sympy.Expr
        Length of the interval.
    together : bool, optional
        All steps change by the same factor, or all in the same direction.

    Returns
    -------
    float, numpy.ndarray or sympy.Expr
        ``spread / 2``, or ``spread / e`` if they change together. Nothing smaller holds.

    Raises
    ------
    ValueError
        For a negative ``spread``.

    Examples
    --------
    >>> clock_lipschitz(1.0)
    0.5
    >>> clock_lipschitz(sp.Symbol("D"), together=True)
    D*exp(-1)
    """
    spread = _not_negative("spread", spread)
    if not together:
        return spread / 2
    return spread * (sp.exp(-1) if isinstance(spread, sp.Basic) else np.exp(-1))


def clock_sensitivity(durations, values, start=0.0) -> np.ndarray:
    r"""The derivative of the last state of a gated memory with respect to each :math:`\log z_t`.

    The memory is that of :func:`clock_lipschitz`.

    Parameters
    ----------
    durations : array_like, ``(..., L)``
        The steps z, not negative.
    values : array_like, ``(..., L)``
        The values v.
    start : array_like, ``(...)``, optional
        The first state.

    Returns
    -------
    numpy.ndarray, ``(..., L)``
        :math:`z_t\,\mathrm{e}^{-(z_t + \dots + z_L)} (v_t - h_{t-1})`.

    Raises
    ------
    ValueError
        For a negative duration.

    Examples
    --------
    >>> clock_sensitivity([1.0, 1.0], [1.0, 0.0]).round(3).tolist()
    [0.135, -0.233]
    """
    z, v = np.broadcast_arrays(_not_negative("durations", durations), np.asarray(values))
    innovations, h = np.empty(z.shape), start
    for t in range(z.shape[-1]):
        innovations[..., t] = v[..., t] - h
        h = h - np.expm1(-z[..., t]) * innovations[..., t]
    to_the_end = np.cumsum(z[..., ::-1], -1)[..., ::-1]
    return z * np.exp(-to_the_end) * innovations


def write_gain(rate, step, rule: str = "euler"):
    r"""How large a state can become for inputs of size 1.

    The state is :math:`h_t = \mathrm{e}^{-\alpha\delta_t} h_{t-1} + b_t v_t` with
    :math:`b = \delta` by Euler's rule and :math:`(1 - \mathrm{e}^{-\alpha\delta})/\alpha` under the
    hold, :math:`0 < \delta_t \le \Delta` and :math:`h_0 = 0`.

    Parameters
    ----------
    rate : array_like
        :math:`\alpha > 0`.
    step : array_like
        :math:`\Delta > 0`.
    rule : {"euler", "zoh"}, optional
        The rule.

    Returns
    -------
    numpy.ndarray
        :math:`\Delta/(1 - \mathrm{e}^{-\alpha\Delta})`, or :math:`1/\alpha` under the hold: also
        the Lipschitz constant from v to h in the maximum norm. Nothing smaller holds.

    Raises
    ------
    ValueError
        For a ``rate`` or ``step`` that is not positive, or another ``rule``.

    Examples
    --------
    >>> float(write_gain(1.0, 2.0).round(3)), float(write_gain(1.0, 2.0, "zoh"))
    (2.313, 1.0)
    """
    rate, step = _gain_arguments(rate, step, rule)
    return (_over_gate(rate * step) if rule == "euler" else np.ones(step.shape)) / rate


def gate_gain(rate, step, rule: str = "euler"):
    r"""How far a state can move for inputs of size 1 if the steps are moved.

    As in :func:`write_gain`, with :math:`\delta = \mathrm{softplus}(x)` and changes of x by at most
    1 at every time.

    Parameters
    ----------
    rate, step, rule
        As in :func:`write_gain`.

    Returns
    -------
    numpy.ndarray
        With :math:`z = \alpha\Delta` and :math:`q = z/(1 - \mathrm{e}^{-z})`:
        :math:`q/\alpha + \min(q\,(1 - q\,\mathrm{e}^{-z})/\alpha,\, 1)`, or :math:`1/\alpha` under
        the hold. The latter is sharp, the former is not: a search reached 0.37 to 0.96 of it.

    Raises
    ------
    ValueError
        As in :func:`write_gain`.

    Examples
    --------
    >>> float(gate_gain(1.0, 2.0).round(3)), float(gate_gain(1.0, 2.0, "zoh"))
    (3.313, 1.0)
    """
    rate, step = _gain_arguments(rate, step, rule)
    if rule == "zoh":
        return np.ones(step.shape) / rate
    z = rate * step
    q = _over_gate(z)
    return (q + np.minimum(q * (1 - q * np.exp(-z)), rate)) / rate


def gain_expressions(rule: str = "euler") -> tuple[sp.Expr, sp.Expr]:
    """What :func:`write_gain` and :func:`gate_gain` compute, in SymPy.

    Parameters
    ----------
    rule : {"euler", "zoh"}, optional
        The rule.

    Returns
    -------
    sympy.Expr
        The first, in the positive symbols ``alpha`` and ``Delta``.
    sympy.Expr
        The second.

    Raises
    ------
    ValueError
        For another ``rule``.

    Examples
    --------
    >>> gain_expressions()[0]
    Delta/(1 - exp(-Delta*alpha))
    """
    _known("rule", rule, RULES)
    rate, step = sp.symbols("alpha Delta", positive=True)
    if rule == "zoh":
        return 1 / rate, 1 / rate
    write = step / (1 - sp.exp(-rate * step))
    moved = write * (1 - rate * write * sp.exp(-rate * step))
    return write, write + sp.Min(moved, 1)


def mamba_reach_in_ball(
    weights: Mapping[str, np.ndarray], radius: float, rule: str = "euler"
) -> dict[str, Reach]:
    r"""Sizes and Lipschitz constants inside a Mamba block, for all inputs of bounded length.

    Inputs have :math:`\lVert u_t \rVert_2 \le \mathrm{radius}` at every time, and two of them are
    as far apart as they are at the worst time, :math:`\max_t \lVert u_t - u'_t \rVert_2`. The
    bounds hold for sequences of every length, from a state of zeros.

    Parameters
    ----------
    weights : mapping of str to array_like
        The parameters of :class:`ssm_companion.nn.Mamba` by their names, real modes only.
    radius : float
        Bound on the length of an input.
    rule : {"euler", "zoh"}, optional
        The rule of the layer.

    Returns
    -------
    dict of str to Reach
        For each signal of the block: ``c`` after the filter, ``p`` in front of softplus, ``B``,
        ``C``, the state ``h``, the read-out ``y``, ``gate``, and the output ``out``,
        ``(d_model,)``. The length of ``out.slope`` is a Lipschitz constant of the block.

    Raises
    ------
    ValueError
        For a negative radius, another ``rule``, or weights of another layer.

    Notes
    -----
    As the radius grows, the Lipschitz constant grows like its 5th power, its 4th under the hold.

    Examples
    --------
    >>> from ssm_companion.nn import Mamba
    >>> layer = Mamba(2, d_state=3)
    >>> weights = {name: p.detach().numpy() for name, p in layer.named_parameters()}
    >>> reach = mamba_reach_in_ball(weights, radius=1.0)
    >>> reach["h"].value.shape, reach["out"].slope.shape
    ((4, 3), (2,))
    """
    layer = _layer(weights, rule).in_absolute_value()
    radius = float(_not_negative("radius", radius))
    rows = np.linalg.norm(layer.x, axis=1)
    taps = layer.taps.sum(1)
    c = _silu(Reach(taps * rows * radius + layer.conv_bias, taps * rows), within=True)
    z = np.linalg.norm(layer.z, axis=1)
    gate = _silu(Reach(z * radius, z), within=True)
    return _block(layer, c, gate, in_order=False)


def mamba_reach_along(
    weights: Mapping[str, np.ndarray], inputs, rule: str = "euler"
) -> dict[str, Reach]:
    r"""The signals inside a Mamba block for one sequence, with local Lipschitz constants.

    Distances are measured as in :func:`mamba_reach_in_ball`. The constants bound the derivatives at
    this sequence, with no suprema: every size is the one that occurs, and the slopes of the state
    are carried along by a scan of their own.

    Parameters
    ----------
    weights : mapping of str to array_like
        As in :func:`mamba_reach_in_ball`.
    inputs : array_like, ``(L, d_model)``
        The sequence.
    rule : {"euler", "zoh"}, optional
        The rule of the layer.

    Returns
    -------
    dict of str to Reach
        As in :func:`mamba_reach_in_ball`, with time as the first axis; the values are those of the
        block. The length of a row of ``out.slope`` is a local Lipschitz constant of that output.

    Raises
    ------
    ValueError
        For inputs of another shape, another ``rule``, or weights of another layer.

    Examples
    --------
    >>> from ssm_companion.nn import Mamba
    >>> layer = Mamba(2, d_state=3)
    >>> weights = {name: p.detach().numpy() for name, p in layer.named_parameters()}
    >>> along = mamba_reach_along(weights, np.ones((10, 2)))
    >>> along["h"].value.shape, along["out"].slope.shape
    ((10, 4, 3), (10, 2))
    """
    layer = _layer(weights, rule)
    c, gate = _entrance(layer, _inputs("inputs", inputs, layer))
    return _block(layer, c, gate, in_order=True)


class _Layer(NamedTuple):
    """The parameters of a block, those of the steps multiplied out."""

    x: np.ndarray
    z: np.ndarray
    taps: np.ndarray
    conv_bias: np.ndarray
    p: np.ndarray
    B: np.ndarray
    C: np.ndarray
    p_bias: np.ndarray
    rate: np.ndarray
    D: np.ndarray
    out: np.ndarray
    rule: str

    def in_absolute_value(self) -> _Layer:
        """With moduli of all that multiplies, so that its signals bound those of the layer."""
        names = ("taps", "conv_bias", "p", "B", "C", "D", "out")  # p_bias is inside softplus
        return self._replace(**{name: np.abs(getattr(self, name)) for name in names})


def _layer(weights, rule: str) -> _Layer:
    _known("rule", rule, RULES)
    needed = {"in_proj.weight", "conv.weight", "conv.bias", "x_proj.weight", "dt_proj.weight"}
    needed |= {"dt_proj.bias", "out_proj.weight", "A_log", "D"}
    if set(weights) != needed:
        raise ValueError(
            f"`weights` must be those of a Mamba block with real modes, {sorted(needed)}, "
            f"got {sorted(weights)}"
        )
    w = {name: np.asarray(value, dtype=float) for name, value in weights.items()}
    x, z = np.split(w["in_proj.weight"], 2)
    rank, N = w["dt_proj.weight"].shape[1], w["A_log"].shape[1]
    for_step, B, C = np.split(w["x_proj.weight"], [rank, rank + N])
    p = w["dt_proj.weight"] @ for_step
    rate = np.exp(w["A_log"])
    taps, bias = w["conv.weight"], w["conv.bias"]
    return _Layer(
        x, z, taps, bias, p, B, C, w["dt_proj.bias"], rate, w["D"], w["out_proj.weight"], rule
    )


def _entrance(layer: _Layer, u: np.ndarray) -> tuple[Reach, Reach]:
    """The signals ``c`` and ``gate`` for given inputs (L, d_model)."""
    E, K = layer.taps.shape
    padded = np.concatenate([np.zeros((K - 1, E)), u @ layer.x.T])
    filtered = sum(padded[k : k + len(u)] * tap for k, tap in enumerate(layer.taps.T))
    slope = np.abs(layer.taps).sum(1) * np.linalg.norm(layer.x, axis=1)
    c = _silu(_reach(filtered + layer.conv_bias, slope))
    return c, _silu(_reach(u @ layer.z.T, np.linalg.norm(layer.z, axis=1)))


def _block(layer: _Layer, c: Reach, gate: Reach, in_order: bool) -> dict[str, Reach]:
    """All signals, by the chain rule in absolute value; in order of time or in any order."""
    p, B, C = (_linear(W, c) for W in (layer.p, layer.B, layer.C))
    p = Reach(p.value + layer.p_bias, p.slope)
    written = _product(_on_axis(c, -1), _on_axis(B, -2))
    h = (_scan_in_order if in_order else _scan_in_any_order)(layer, written, p)
    y = _product(h, _on_axis(C, -2))
    y = Reach(y.value.sum(-1) + layer.D * c.value, y.slope.sum(-1) + np.abs(layer.D) * c.slope)
    out = _linear(layer.out, _product(y, gate))
    return dict(c=c, p=p, B=B, C=C, h=h, y=y, gate=gate, out=out)


def _scan_in_any_order(layer: _Layer, v: Reach, p: Reach) -> Reach:
    """The largest state and slope, when each input may come at each time."""
    steps = np.logaddexp(0, p.value)[:, None]
    write = write_gain(layer.rate, steps, layer.rule)
    gate = gate_gain(layer.rate, steps, layer.rule)
    return Reach(write * v.value, write * v.slope + gate * v.value * p.slope[:, None])


def _scan_in_order(layer: _Layer, v: Reach, p: Reach) -> Reach:
    """The states, and their slopes by a scan of the same decays."""
    steps = np.logaddexp(0, p.value)[..., None]
    by_step = (expit(p.value) * p.slope)[..., None]
    decay = np.exp(-layer.rate * steps)
    hold = -np.expm1(-layer.rate * steps) / layer.rate
    write, write_slope = (steps, np.ones_like(decay)) if layer.rule == "euler" else (hold, decay)
    h, slope = np.zeros((2, *v.value.shape))
    before = before_slope = np.zeros(layer.rate.shape)
    for t in range(len(h)):
        moved = np.abs(write_slope[t] * v.value[t] - layer.rate * decay[t] * before)
        slope[t] = decay[t] * before_slope + write[t] * v.slope[t] + by_step[t] * moved
        h[t] = decay[t] * before + write[t] * v.value[t]
        before, before_slope = h[t], slope[t]
    return Reach(h, slope)


def _linear(W: np.ndarray, x: Reach) -> Reach:
    return Reach(x.value @ W.T, x.slope @ np.abs(W).T)


def _product(x: Reach, y: Reach) -> Reach:
    slope = np.abs(x.value) * y.slope + x.slope * np.abs(y.value)
    return Reach(x.value * y.value, slope)


def _silu(x: Reach, within: bool = False) -> Reach:
    """Of a signal, or of all signals up to a size: silu(size) bounds these."""
    at = np.minimum(x.value, SILU_BEND) if within else x.value
    s = expit(at)
    return Reach(x.value * expit(x.value), np.abs(s * (1 + at * (1 - s))) * x.slope)


def _reach(value: np.ndarray, slope: np.ndarray) -> Reach:
    return Reach(value, np.broadcast_to(slope, value.shape))


def _on_axis(x: Reach, axis: int) -> Reach:
    return Reach(*(np.expand_dims(part, axis) for part in x))


def _over_gate(z: np.ndarray) -> np.ndarray:
    """The quotient z / (1 - exp(-z)), from 1 at z = 0."""
    return np.where(z > 1e-12, z / -np.expm1(-np.maximum(z, 1e-12)), 1 + z / 2)


def _gain_arguments(rate, step, rule: str):
    _known("rule", rule, RULES)
    arrays = np.broadcast_arrays(_positive("rate", rate), _positive("step", step))
    return [x.astype(float) for x in arrays]


def _inputs(name: str, u, layer: _Layer) -> np.ndarray:
    u = np.asarray(u, dtype=float)
    if u.ndim != 2 or u.shape[1] != layer.x.shape[1] or len(u) == 0:
        raise ValueError(f"`{name}` must have shape (n, {layer.x.shape[1]}), got {u.shape}")
    return u


def _known(name: str, value: str, known) -> str:
    if value not in known:
        raise ValueError(f"`{name}` must be one of {sorted(known)}, got {value!r}")
    return value


def _positive(name: str, x):
    return _checked(name, x, lambda x: x > 0, "> 0")


def _not_negative(name: str, x):
    return _checked(name, x, lambda x: x >= 0, ">= 0")


def _below_one(name: str, x):
    return _checked(name, x, lambda x: (x >= 0) & (x < 1), "in [0, 1)")


def _checked(name: str, x, holds, expected: str):
    """Numbers as given, lists as arrays, SymPy expressions unchecked."""
    if isinstance(x, sp.Basic):
        return x
    x = x if np.ndim(x) == 0 else np.asarray(x)
    right = holds(np.asarray(x))
    if not np.all(right):
        wrong = np.asarray(x)[~right].flat[0]
        raise ValueError(f"`{name}` must be {expected}, got {wrong}")
    return x
