"""What the record of a training says of the model and of its cost, in every experiment."""

from __future__ import annotations

from ssm_companion.experiments.counts import multiply_adds, state_bytes
from ssm_companion.experiments.models import SequenceModel, parameter_count


def described(model: SequenceModel, training: dict, *, lengths: tuple[int, ...], past: int) -> dict:
    """Size and cost of a trained model, and how the training went.

    Parameters
    ----------
    model : SequenceModel
        The model.
    training : dict
        What :func:`~ssm_companion.experiments.tracked.train` returned.
    lengths : tuple of int
        After how many steps the bytes of state are counted.
    past : int
        Steps before the one whose multiply-adds are counted.

    Returns
    -------
    dict
        ``"d_model"``, ``"hidden"``, ``"parameters"``, ``"state_bytes"`` by length,
        ``"multiply_adds"``, ``"cpu_seconds"``, ``"diverged"`` and ``"curve"``.

    Examples
    --------
    >>> from ssm_companion.experiments.models import Size
    >>> model = SequenceModel("lstm", Size(16, 32), 75, 75)
    >>> training = {"score": 2.5, "cpu_seconds": 31.4, "diverged": None, "curve": {}}
    >>> found = described(model, training, lengths=(1, 128), past=64)
    >>> found["hidden"], found["state_bytes"]
    (32, {'1': 256, '128': 256})
    """
    return {
        "d_model": model.size.d_model,
        "hidden": model.size.hidden,
        "parameters": parameter_count(model),
        "state_bytes": {str(length): state_bytes(model, length) for length in lengths},
        "multiply_adds": multiply_adds(model, past=past),
        **{name: training[name] for name in ("cpu_seconds", "diverged", "curve")},
    }
