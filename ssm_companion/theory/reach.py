"""How large the signals inside a Mamba block can be, and how fast they can change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from ssm_companion.theory._checks import known, not_negative
from ssm_companion.theory.lipschitz import RULES, SILU_BEND, gate_gain, write_gain


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


def mamba_in_ball(
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
    >>> reach = mamba_in_ball(weights, radius=1.0)
    >>> reach["h"].value.shape, reach["out"].slope.shape
    ((4, 3), (2,))
    """
    layer = _layer(weights, rule).in_absolute_value()
    radius = float(not_negative("radius", radius))
    rows = np.linalg.norm(layer.x, axis=1)
    taps = layer.taps.sum(1)
    c = _silu(Reach(taps * rows * radius + layer.conv_bias, taps * rows), within=True)
    z = np.linalg.norm(layer.z, axis=1)
    gate = _silu(Reach(z * radius, z), within=True)
    return _block(layer, c, gate, in_order=False)


def mamba_along(
    weights: Mapping[str, np.ndarray], inputs, rule: str = "euler"
) -> dict[str, Reach]:
    r"""The signals inside a Mamba block for one sequence, with local Lipschitz constants.

    Distances are measured as in :func:`mamba_in_ball`. The constants bound the derivatives at
    this sequence, with no suprema: every size is the one that occurs, and the slopes of the state
    are carried along by a scan of their own.

    Parameters
    ----------
    weights : mapping of str to array_like
        As in :func:`mamba_in_ball`.
    inputs : array_like, ``(L, d_model)``
        The sequence.
    rule : {"euler", "zoh"}, optional
        The rule of the layer.

    Returns
    -------
    dict of str to Reach
        As in :func:`mamba_in_ball`, with time as the first axis; the values are those of the
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
    >>> along = mamba_along(weights, np.ones((10, 2)))
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
    known("rule", rule, RULES)
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


def _inputs(name: str, u, layer: _Layer) -> np.ndarray:
    u = np.asarray(u, dtype=float)
    if u.ndim != 2 or u.shape[1] != layer.x.shape[1] or len(u) == 0:
        raise ValueError(f"`{name}` must have shape (n, {layer.x.shape[1]}), got {u.shape}")
    return u
