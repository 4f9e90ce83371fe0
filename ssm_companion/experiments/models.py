"""One skeleton for all memories, so that only the layer under study differs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ssm_companion._shapes import check_choice, check_positive_int
from ssm_companion.nn import GRU, LRU, LSTM, S4D, Attention, Mamba, Mamba2

# Each from its number of channels. A complex mode is two numbers of state, so that S4D and both
# Mambas keep 16 numbers for each channel that they scan; a Mamba-2 is made for larger states.
LAYERS = {
    "s4d": lambda d: S4D(d, 8),
    "lru": lambda d: LRU(d, d, r_min=0.5, r_max=0.99),
    "mamba": lambda d: Mamba(d, 16),
    "mamba-complex": lambda d: Mamba(d, 8, complex=True),
    "mamba2": lambda d: Mamba2(d, 32, headdim=8, chunk_size=16),
    "lstm": lambda d: LSTM(d),
    "gru": lambda d: GRU(d),
    "attention": lambda d: Attention(d, 2),
}
_MULTIPLE = 4  # two heads of attention and heads of Mamba-2 fit into multiples of four channels
SKELETONS = ("full", "plain", "linear")
_HIDDEN = 2  # hidden units of the perceptron for each channel, as nearly as the budget allows


@dataclass(frozen=True)
class Size:
    """What decides the number of parameters of a :class:`SequenceModel`.

    Parameters
    ----------
    d_model : int
        Channels D.
    hidden : int
        Hidden units of each perceptron.
    """

    d_model: int
    hidden: int


class SequenceModel(nn.Module):
    """Blocks of a memory and a perceptron, between an input and an output map.

    Each block adds to its input a layer of ``kind`` applied to the normalised input, and to the
    sum a perceptron, GELU of ``hidden`` units, applied to the normalised sum.

    Parameters
    ----------
    kind : str
        A key of ``LAYERS``.
    size : Size
        Channels and hidden units.
    inputs : int
        Different symbols if ``discrete``, else numbers for each step.
    outputs : int
        Numbers for each step.
    blocks : int, optional
        Number of blocks.
    discrete : bool, optional
        The input is of symbols, int64, ``(B, L)``, and not of numbers, ``(B, L, inputs)``.
    skeleton : {"full", "plain", "linear"}, optional
        The plain one lacks the first norm, before the first layer, and the last, before the output
        map, so that the first layer sees an affine map of the input and the outputs are not
        bounded. The norms inside the blocks stay. The linear one has no norm at all and no GELU, so
        that nothing in it is nonlinear but the layers.

    Raises
    ------
    ValueError
        For an unknown ``kind`` or ``skeleton``, or a size below 1.

    Examples
    --------
    >>> model = SequenceModel("gru", Size(8, 16), inputs=1, outputs=12, discrete=False)
    >>> y, state = model(torch.randn(2, 30, 1), return_state=True)
    >>> y_next, state = model.step(torch.randn(2, 1), state)
    >>> y.shape, y_next.shape
    (torch.Size([2, 30, 12]), torch.Size([2, 12]))
    """

    def __init__(
        self,
        kind: str,
        size: Size,
        inputs: int,
        outputs: int,
        *,
        blocks: int = 2,
        discrete: bool = True,
        skeleton: str = "full",
    ):
        super().__init__()
        check_choice("kind", kind, LAYERS)
        check_positive_int("blocks", blocks)
        check_choice("skeleton", skeleton, SKELETONS)
        self.kind, self.size = kind, size
        d, hidden = size.d_model, size.hidden
        self.embed = nn.Embedding(inputs, d) if discrete else nn.Linear(inputs, d)
        if discrete:  # of the size that a layer's output has, not sqrt(D) times larger in norm
            nn.init.normal_(self.embed.weight, std=d**-0.5)
        self.layers = nn.ModuleList(LAYERS[kind](d) for _ in range(blocks))
        self.norms = nn.ModuleList(nn.RMSNorm(d) for _ in range(2 * blocks + 1))
        missing = {"full": (), "plain": (0, -1), "linear": range(2 * blocks + 1)}
        for place in missing[skeleton]:
            self.norms[place] = nn.Identity()
        self.bend = nn.Identity() if skeleton == "linear" else nn.GELU()
        self.up = nn.ModuleList(nn.Linear(d, hidden) for _ in range(blocks))
        self.down = nn.ModuleList(nn.Linear(hidden, d) for _ in range(blocks))
        self.head = nn.Linear(d, outputs)

    def forward(self, x: Tensor, state: list | None = None, *, return_state: bool = False):
        """Map whole sequences to outputs at every step.

        Parameters
        ----------
        x : Tensor, ``(B, L)`` or ``(B, L, inputs)``
            Symbols or numbers.
        state : list, optional
            The states of the layers; those of an empty past if None.
        return_state : bool, optional
            Return the last states too.

        Returns
        -------
        y : Tensor, ``(B, L, outputs)``
            At each step a function of the inputs up to it.
        state : list
            With ``return_state`` only, in a pair with ``y``.
        """
        x, after = self.embed(x), []
        for i, layer in enumerate(self.layers):
            before = None if state is None else state[i]
            y, last = layer(self.norms[2 * i](x), before, return_state=True)
            x = x + y
            x = x + self.down[i](self.bend(self.up[i](self.norms[2 * i + 1](x))))
            after.append(last)
        y = self.head(self.norms[-1](x))
        return (y, after) if return_state else y

    def step(self, x: Tensor, state: list) -> tuple[Tensor, list]:
        """Take one step in time.

        Parameters
        ----------
        x : Tensor, ``(B,)`` or ``(B, inputs)``
            Symbols or numbers of this step.
        state : list
            The states before it.

        Returns
        -------
        y : Tensor, ``(B, outputs)``
            Outputs of this step.
        state : list
            The next states.
        """
        x, after = self.embed(x), []
        for i, layer in enumerate(self.layers):
            y, last = layer.step(self.norms[2 * i](x), state[i])
            x = x + y
            x = x + self.down[i](self.bend(self.up[i](self.norms[2 * i + 1](x))))
            after.append(last)
        return self.head(self.norms[-1](x)), after

    def init_state(self, batch: int) -> list:
        """The states of an empty past, of ``batch`` sequences."""
        return [layer.init_state(batch) for layer in self.layers]


def parameter_count(model: nn.Module) -> int:
    """Number of learnt real numbers.

    Parameters
    ----------
    model : torch.nn.Module
        The model.

    Returns
    -------
    int
        The number.

    Examples
    --------
    >>> parameter_count(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in model.parameters())


def equal_parameters(kind: str, budget: int, inputs: int, outputs: int, **options) -> Size:
    """The size at which a kind has a given number of parameters.

    Channels come in multiples of 4; the perceptrons take up the rest. Of the sizes within three per
    cent of the budget it is the one whose perceptrons are nearest to two hidden units a channel.

    Parameters
    ----------
    kind : str
        A key of ``LAYERS``.
    budget : int
        Number of parameters.
    inputs, outputs : int
        As for :class:`SequenceModel`.
    **options
        More arguments of :class:`SequenceModel`.

    Returns
    -------
    Size
        The size.

    Raises
    ------
    ValueError
        For an unknown ``kind``, or if no size is within three per cent of the budget.

    Examples
    --------
    >>> size = equal_parameters("lstm", 10_000, 75, 75)
    >>> parameter_count(SequenceModel("lstm", size, 75, 75))
    9975
    """
    check_choice("kind", kind, LAYERS)
    found = []
    for d in range(_MULTIPLE, budget, _MULTIPLE):
        smallest, next_one = (_count(kind, Size(d, h), inputs, outputs, options) for h in (1, 2))
        hidden = 1 + (budget - smallest) // (next_one - smallest)
        if hidden < 1:
            break
        if abs(smallest + (hidden - 1) * (next_one - smallest) - budget) <= 0.03 * budget:
            found.append(Size(d, hidden))
    if not found:
        raise ValueError(f"`budget` must be enough for {kind!r}, got {budget}")
    return min(found, key=lambda size: abs(size.hidden / size.d_model - _HIDDEN))


def _count(kind: str, size: Size, inputs: int, outputs: int, options: dict) -> int:
    """Parameters of a model that is not made: no memory, no time, no random numbers."""
    with torch.random.fork_rng(devices=[]):
        return parameter_count(SequenceModel(kind, size, inputs, outputs, **options))
