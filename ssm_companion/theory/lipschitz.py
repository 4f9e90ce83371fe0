"""How much activations and gated memories magnify a change of their input."""

from __future__ import annotations

import numpy as np
import sympy as sp

from ssm_companion.theory._checks import below_one, known, not_negative, positive

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
    return _EXPRESSIONS[known("name", name, _EXPRESSIONS)]


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
    return _SLOPES[known("name", name, _SLOPES)]


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
    rate = positive("rate", rate)
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
    lag, drive = not_negative("lag", lag), not_negative("drive", drive)
    factor_slope = not_negative("factor_slope", factor_slope)
    drive_slope = not_negative("drive_slope", drive_slope)
    factor = below_one("factor", factor)
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
    spread = not_negative("spread", spread)
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
    z, v = np.broadcast_arrays(not_negative("durations", durations), np.asarray(values))
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
    known("rule", rule, RULES)
    rate, step = sp.symbols("alpha Delta", positive=True)
    if rule == "zoh":
        return 1 / rate, 1 / rate
    write = step / (1 - sp.exp(-rate * step))
    moved = write * (1 - rate * write * sp.exp(-rate * step))
    return write, write + sp.Min(moved, 1)


def _over_gate(z: np.ndarray) -> np.ndarray:
    """The quotient z / (1 - exp(-z)), from 1 at z = 0."""
    return np.where(z > 1e-12, z / -np.expm1(-np.maximum(z, 1e-12)), 1 + z / 2)


def _gain_arguments(rate, step, rule: str):
    known("rule", rule, RULES)
    arrays = np.broadcast_arrays(positive("rate", rate), positive("step", step))
    return [x.astype(float) for x in arrays]
