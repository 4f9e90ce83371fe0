r"""Diagonal systems that are to learn an impulse response: their start and their target.

A system of n modes has the impulse response :math:`\phi_k = \sum_i \Re(c_i \lambda_i^k b_i)`, twice
that if it is complex, with :math:`\lambda_i = \exp(-e^{\nu_i} + \mathrm i \theta_i)`. A real system
has angles 0 and :math:`\pi`, which are not trained. The loss is the sum of the squared differences
to a target of norm 1: the system that answers nothing has loss 1.

Source: the synthetic experiments of Ran-Milo et al., arXiv:2410.14067, and their code
(edenlum/SSMComplexParamBenefits on GitHub). The draws here are other ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssm_companion._shapes import check_choice, check_positive_int

DTYPES = ("float32", "float64")
TARGETS = ("delay", "random", "oscillation")
R_MAX = 0.9999  # largest modulus at the start
SCALE = 1e-3  # of b and c at the start


class ModeParameters(NamedTuple):
    """The parameters of a diagonal system, each of shape ``(n,)``.

    Parameters
    ----------
    b, c : numpy.ndarray
        Input and output weights, both real or both complex.
    nu : numpy.ndarray
        Real; the moduli of the eigenvalues are ``exp(-exp(nu))``.
    theta : numpy.ndarray
        Angles of the eigenvalues in radians, 0 or pi in a real system.
    """

    b: np.ndarray
    c: np.ndarray
    nu: np.ndarray
    theta: np.ndarray

    @property
    def is_complex(self) -> bool:
        """Whether the system is a complex one."""
        return np.iscomplexobj(self.b)

    @property
    def eigenvalues(self) -> np.ndarray:
        """Their shape is ``(n,)``; real for a real system."""
        radius = np.exp(-np.exp(self.nu))
        turn = np.exp(1j * self.theta) if self.is_complex else np.cos(self.theta)
        return radius * turn


def start(modes: int, *, r_min: float, is_complex: bool, seed: int) -> ModeParameters:
    """A system as it is before training.

    Parameters
    ----------
    modes : int
        Number of modes, n.
    r_min : float
        The eigenvalues lie between this radius, at least 0, and 0.9999, uniformly by area.
    is_complex : bool
        Angles are uniform, and b and c have half-normal moduli and uniform phases. In a real system
        eigenvalues have random signs, and b and c are normal. The scale of b and c is 1e-3.
    seed : int
        For one seed systems with different ``r_min`` differ in their moduli alone.

    Returns
    -------
    ModeParameters
        In float64.

    Raises
    ------
    ValueError
        For ``modes`` below 1, or ``r_min`` outside [0, 0.9999).

    Examples
    --------
    >>> moduli = np.abs(start(9, r_min=0.99, is_complex=False, seed=0).eigenvalues)
    >>> bool((0.99 < moduli).all() and (moduli < 0.9999).all())
    True
    """
    check_positive_int("modes", modes)
    if not 0 <= r_min < R_MAX:
        raise ValueError(f"`r_min` must be at least 0 and below {R_MAX}, got {r_min!r}")
    rng = np.random.default_rng([seed, 0])
    radius = np.sqrt(rng.uniform(r_min**2, R_MAX**2, modes))
    weights = SCALE * rng.standard_normal((2, modes))
    if is_complex:
        theta = rng.uniform(0, 2 * np.pi, modes)
        weights = np.abs(weights) * np.exp(1j * rng.uniform(0, 2 * np.pi, (2, modes)))
    else:
        theta = np.pi * rng.integers(0, 2, modes)
    return ModeParameters(weights[0], weights[1], np.log(-np.log(radius)), theta)


def target(name: str, length: int, seed: int = 0) -> np.ndarray:
    """An impulse response to learn.

    Parameters
    ----------
    name : {"delay", "random", "oscillation"}
        1 at the step ``(length - 1) // 2`` and 0 elsewhere; uniform between -1 and 1; or
        1, 0, -1, 0, 1 and so on.
    length : int
        Number of steps, t.
    seed : int, optional
        Of the random one.

    Returns
    -------
    numpy.ndarray, ``(t,)``
        Of norm 1.

    Raises
    ------
    ValueError
        For an unknown ``name`` or ``length`` below 1.

    Examples
    --------
    >>> target("delay", 5)
    array([0., 0., 1., 0., 0.])
    """
    check_choice("name", name, TARGETS)
    check_positive_int("length", length)
    k = np.arange(length)
    if name == "delay":
        values = (k == (length - 1) // 2).astype(float)
    elif name == "random":
        values = np.random.default_rng([seed, 1]).uniform(-1, 1, length)
    else:
        values = np.array([1.0, 0.0, -1.0, 0.0])[k % 4]
    return values / np.linalg.norm(values)


def response(modes: ModeParameters, length: int) -> np.ndarray:
    """The impulse response of a system.

    Parameters
    ----------
    modes : ModeParameters
        The system.
    length : int
        Number of steps, t.

    Returns
    -------
    numpy.ndarray, ``(t,)``
        Twice the real part of the sum over modes if the system is complex.

    Examples
    --------
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> response(ModeParameters(one, one, np.log(np.log([2.0])), zero), 4)
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    powers = modes.eigenvalues ** np.arange(length)[:, None]
    return (2 if modes.is_complex else 1) * (powers @ (modes.b * modes.c)).real
