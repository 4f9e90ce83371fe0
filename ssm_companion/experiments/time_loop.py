r"""The published training, as it is on paper: a loop over time, automatic derivatives, torch.optim.

:math:`x_k = A x_{k-1} + B u_k` and :math:`y_k = \Re(C x_k)`, twice that if the system is complex,
for u = 1, 0, 0, ...
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ssm_companion._shapes import check_choice, check_positive_int
from ssm_companion.experiments.modes import DTYPES, ModeParameters

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "radam": torch.optim.RAdam,
}


class TimeLoop(nn.Module):
    """A diagonal system that runs step by step.

    Parameters
    ----------
    modes : ModeParameters
        Its parameters; the angles are trained if it is complex.
    dtype : {"float32", "float64"}, optional
        Of its real numbers.

    Raises
    ------
    ValueError
        For an unknown ``dtype``.

    Examples
    --------
    >>> from ssm_companion.experiments.modes import response, start
    >>> modes = start(6, r_min=0.9, is_complex=True, seed=0)
    >>> with torch.no_grad():
    ...     phi = TimeLoop(modes, "float64")(20)
    >>> np.allclose(phi, response(modes, 20), rtol=1e-12, atol=1e-18)
    True
    """

    def __init__(self, modes: ModeParameters, dtype: str = "float32"):
        super().__init__()
        check_choice("dtype", dtype, DTYPES)
        real = getattr(torch, dtype)
        weights = real.to_complex() if modes.is_complex else real
        self.b = nn.Parameter(torch.tensor(modes.b, dtype=weights))
        self.c = nn.Parameter(torch.tensor(modes.c, dtype=weights))
        self.nu = nn.Parameter(torch.tensor(modes.nu, dtype=real))
        angles = torch.tensor(modes.theta, dtype=real)
        self.theta = nn.Parameter(angles, requires_grad=modes.is_complex)

    def forward(self, length: int) -> Tensor:
        """The impulse response, ``(length,)``."""
        radius = torch.exp(-torch.exp(self.nu))
        is_complex = self.b.is_complex()
        A = torch.polar(radius, self.theta) if is_complex else radius * torch.cos(self.theta)
        x, outputs = torch.zeros_like(self.b), []
        for u in torch.eye(length, dtype=radius.dtype)[0]:
            x = A * x + self.b * u
            outputs.append((self.c @ x).real)
        return (2 if is_complex else 1) * torch.stack(outputs)

    @property
    def modes(self) -> ModeParameters:
        """The parameters as they are now."""
        values = (self.b, self.c, self.nu, self.theta)
        return ModeParameters(*(value.detach().numpy().copy() for value in values))


def descend(
    modes: ModeParameters,
    target: np.ndarray,
    *,
    rate: float,
    steps: int,
    optimizer: str = "adam",
    accumulated: bool = False,
    dtype: str = "float32",
    updates: int | None = None,
) -> tuple[np.ndarray, ModeParameters]:
    """Train a system to have an impulse response.

    Parameters
    ----------
    modes, target, rate, steps, optimizer, accumulated, dtype
        As for :class:`~ssm_companion.experiments.descent.Descent`.
    updates : int, optional
        Stop after so many.

    Returns
    -------
    losses : numpy.ndarray, ``(updates,)``
        float64, the loss before each update.
    modes : ModeParameters
        The system afterwards.

    Raises
    ------
    ValueError
        For an unknown ``optimizer`` or ``dtype``, or ``steps`` below 1.

    Examples
    --------
    >>> from ssm_companion.experiments.modes import start, target
    >>> modes = start(6, r_min=0.9, is_complex=True, seed=0)
    >>> losses, trained = descend(modes, target("delay", 6), rate=1e-2, steps=500)
    >>> bool(losses[0] > 0.99 and losses[-1] < 1e-3)
    True
    """
    check_choice("optimizer", optimizer, OPTIMIZERS)
    check_positive_int("steps", steps)
    model = TimeLoop(modes, dtype)
    wanted = torch.tensor(target, dtype=model.nu.dtype)
    rule = OPTIMIZERS[optimizer](model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(rule, T_max=steps)
    losses = []
    for _ in range(steps if updates is None else updates):
        if not accumulated:
            rule.zero_grad()
        loss = (model(len(wanted)) - wanted).square().sum()
        loss.backward()
        rule.step()
        schedule.step()
        losses.append(loss.item())
    return np.array(losses), model.modes
