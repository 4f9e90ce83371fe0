r"""What a model costs by count: bytes of state, and multiply-adds for each step.

Multiply-adds are those of one more step after a past of T steps, real ones: a product of complex
numbers is four, and two if only its real part is used. With D channels, E inner ones, N modes and
K taps, a layer's memory takes

- S4D: :math:`(4 + 2 + 2) D N` for :math:`a h + b u` and the read-out of complex modes;
- LRU: :math:`2 N D + 4 N + 2 N D` for the input, the recurrence and the read-out;
- Mamba: :math:`K E` and what :func:`~ssm_companion.roofline.report` counts for the scan;
- Mamba-2: :math:`K (E + 2 N) + 3 E N`, for decay, input and read-out, one decay a head;
- LSTM and GRU: nothing besides their matrices, :math:`8 D^2` and :math:`6 D^2`;
- attention: :math:`2 (T + 1) D` for the scores and the mixture of values.

All other matrices count one for each entry. Gates, norms, exponentials and sums are left out.
"""

from __future__ import annotations

from functools import singledispatch

from torch import Tensor, nn

from ssm_companion._shapes import check_positive_int
from ssm_companion.experiments.models import SequenceModel
from ssm_companion.nn import GRU, LRU, LSTM, S4D, Attention, Mamba, Mamba2
from ssm_companion.roofline import report


def state_bytes(model: SequenceModel, length: int) -> int:
    """Bytes of the state of one sequence.

    Parameters
    ----------
    model : SequenceModel
        The model.
    length : int
        Steps of the past.

    Returns
    -------
    int
        Bytes of all that the layers carry from that step to the next.

    Raises
    ------
    ValueError
        Unless ``length`` is an integer of at least 1.

    Examples
    --------
    >>> from ssm_companion.experiments.models import Size
    >>> state_bytes(SequenceModel("lstm", Size(16, 32), 75, 75), length=100)
    256
    """
    check_positive_int("length", length)
    return sum(_state_bytes(layer, length) for layer in model.layers)


def multiply_adds(model: SequenceModel, past: int = 0) -> dict[str, int]:
    """Real multiply-adds of one step.

    Parameters
    ----------
    model : SequenceModel
        The model.
    past : int, optional
        Steps T before this one; only attention takes notice.

    Returns
    -------
    dict
        ``"matrices"``: those of the learnt matrices that act on the input of a step;
        ``"memory"``: those of the recurrence, filter or attention.

    Examples
    --------
    >>> from ssm_companion.experiments.models import Size
    >>> multiply_adds(SequenceModel("gru", Size(8, 16), 75, 75))
    {'matrices': 1880, 'memory': 0}
    """
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    recurrent = [module for module in model.modules() if isinstance(module, nn.RNNBase)]
    matrices = [module.weight for module in linear]
    matrices += [p for module in recurrent for p in module.parameters() if p.ndim == 2]
    return {
        "matrices": sum(matrix.numel() for matrix in matrices),
        "memory": sum(_memory(layer, past) for layer in model.layers),
    }


def _state_bytes(layer: nn.Module, length: int) -> int:
    state = layer.init_state(1)
    parts = (state,) if isinstance(state, Tensor) else state
    if isinstance(layer, Attention):  # one entry for each step; the empty past has none
        return length * sum(part.element_size() * part.shape[2:].numel() for part in parts)
    return sum(part.nbytes for part in parts)


@singledispatch
def _memory(layer: nn.Module, past: int) -> int:
    raise NotImplementedError(type(layer))


@_memory.register
def _(layer: S4D, past: int) -> int:
    return (8 if layer.is_complex else 3) * layer.d_model * layer.d_state


@_memory.register
def _(layer: LRU, past: int) -> int:
    return 4 * layer.d_state * layer.d_model + 4 * layer.d_state


@_memory.register
def _(layer: Mamba, past: int) -> int:
    scan = report(1, 1, layer.d_inner, layer.d_state, is_complex=layer.is_complex)
    return layer.d_conv * layer.d_inner + scan.fmas


@_memory.register
def _(layer: Mamba2, past: int) -> int:
    filtered = layer.d_inner + 2 * layer.d_state
    return layer.d_conv * filtered + 3 * layer.d_inner * layer.d_state


@_memory.register(LSTM)
@_memory.register(GRU)
def _(layer: nn.Module, past: int) -> int:
    return 0


@_memory.register
def _(layer: Attention, past: int) -> int:
    return 2 * (past + 1) * layer.d_model
