"""What the first cell of a chapter calls."""

from __future__ import annotations

import importlib.util
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy


def setup(seed: int = 0, threads: int | None = None) -> numpy.random.Generator:
    """Seed Python's ``random`` and torch, set the plot style, return a NumPy generator.

    NumPy's global generator is left alone: draw from the one returned. The plot style needs
    matplotlib and is skipped without it.

    Parameters
    ----------
    seed : int, optional
        Seed of Python's ``random``, of torch and of the generator returned.
    threads : int, optional
        Number of threads that torch may use; left as it is by default.

    Returns
    -------
    numpy.random.Generator
        A generator seeded with ``seed``.

    Raises
    ------
    ValueError
        Unless ``threads`` is None or an integer of at least 1.
    """
    # imported here so that `import ssm_companion` stays cheap
    import numpy as np
    import torch

    from ssm_companion._shapes import check_positive_int
    from ssm_companion._vector_math import settle

    settle()
    random.seed(seed)
    torch.manual_seed(seed)
    if threads is not None:
        torch.set_num_threads(check_positive_int("threads", threads))
    if importlib.util.find_spec("matplotlib"):
        from ssm_companion.plotting import use_style

        use_style()
    return np.random.default_rng(seed)
