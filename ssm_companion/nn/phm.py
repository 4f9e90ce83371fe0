"""A selective layer whose state is of complex numbers or quaternions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ssm_companion._packing import boundaries
from ssm_companion._shapes import check_choice, check_positive_int
from ssm_companion.init import dt_log_uniform, inv_softplus
from ssm_companion.nn._layer import Layer, factory
from ssm_companion.nn.mamba import DT_MAX, DT_MIN
from ssm_companion.theory.hypercomplex import structure


class Hypercomplex(Layer):
    r"""Blocks of n real numbers, each turned by an angle and about an axis that the input chooses.

    :math:`h_t = (1 - g_t)\, q_t h_{t-1} + g_t B u_t` and :math:`y_t = C h_t + D \odot u_t`, with a
    gate :math:`g_t = \sigma(W u_t + w)` and a number of modulus 1,
    :math:`q_t = \exp(\sum_i \theta_{t,i} e_i)` over the imaginary units, for each block;
    :math:`\theta_t = V u_t + v`. The product is that of complex numbers for n = 2, where turns
    commute, and of quaternions for n = 4, where they do not. A closed gate turns what is there and
    neither forgets nor writes.

    Parameters
    ----------
    d_model : int
        Channels D.
    d_state : int, optional
        Blocks M, shared by all channels.
    n : {2, 4}, optional
        Real numbers in a block.
    learn_structure : bool, optional
        Learn the matrices of the imaginary units too, from those of the algebra. Turns are then
        :math:`\exp(\sum_i \theta_{t,i} (A_i - A_i^\top) / 2)`, any rotations of n dimensions.
    device : torch.device, optional
        Device of the parameters.
    dtype : torch.dtype, optional
        Type of the parameters, float32 or float64; torch's default if None.

    Raises
    ------
    ValueError
        For a size below 1, another n or another ``dtype``.

    Notes
    -----
    The state is a tensor ``(B, M, n)``. The learnt parameters are

    - ``gate``: the map W, ``(M, D)``, and w, ``(M,)``, which starts so that
      :math:`-\ln(1 - g)` is log-uniform between 0.001 and 0.1;
    - ``turn``: the map V, ``(M (n - 1), D)``, and v, which starts with directions of all kinds and
      lengths that are uniform between 0 and :math:`\pi`;
    - ``B``, ``(M, n, D)``, and ``C``, ``(D, M, n)``: the matrices;
    - ``D``, ``(D,)``: the feed-through;
    - ``A``, ``(n - 1, n, n)``, with ``learn_structure`` only.

    These are ``M n (3 D + 1) + D`` numbers, and ``n * n * (n - 1)`` more for ``A``: layers of equal
    states have equally many.

    All states are found at once, by a scan in about ``2 log2(L)`` levels. Two turns of an algebra
    are one, of n numbers; with ``learn_structure`` each is a matrix of ``n * n``.

    References
    ----------
    Sums of Kronecker products with a learnt structure: Zhang et al., arXiv 2102.08597 (2021), as
    we understand it; the layer is ours. Blelloch, *Prefix sums and their applications*,
    CMU-CS-90-190 (1990), for the scan.

    Examples
    --------
    >>> layer = Hypercomplex(4, 8)
    >>> y, state = layer(torch.randn(2, 10, 4), return_state=True)
    >>> y_next, state = layer.step(torch.randn(2, 4), state)
    >>> y.shape, y_next.shape, state.shape
    (torch.Size([2, 10, 4]), torch.Size([2, 4]), torch.Size([2, 8, 4]))
    """

    _axes = {"state": "M n"}

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        n: int = 4,
        learn_structure: bool = False,
        *,
        device=None,
        dtype=None,
    ):
        super().__init__(d_model)
        self.d_state = check_positive_int("d_state", d_state)
        check_choice("n", n, (2, 4))
        self.n, self.learns_structure = n, bool(learn_structure)
        made = factory(device, dtype)
        units = torch.from_numpy(structure(n)).to(**made)
        self.register_buffer("units", units, persistent=False)
        if learn_structure:
            self.A = nn.Parameter(units[1:].clone())
        self.gate = nn.Linear(d_model, d_state, **made)
        self.turn = nn.Linear(d_model, d_state * (n - 1), **made)
        self.B = nn.Parameter(torch.randn(d_state, n, d_model, **made) / math.sqrt(d_model))
        self.C = nn.Parameter(torch.randn(d_model, d_state, n, **made) / math.sqrt(d_state * n))
        self.D = nn.Parameter(torch.ones(d_model, **made))
        axes = nn.functional.normalize(torch.randn(d_state, n - 1), dim=-1)
        with torch.no_grad():
            # sigmoid(inv_softplus(d)) = 1 - exp(-d)
            self.gate.bias.copy_(inv_softplus(dt_log_uniform(d_state, DT_MIN, DT_MAX)))
            self.turn.bias.copy_((math.pi * torch.rand(d_state, 1) * axes).flatten())

    def _empty(self, batch: int) -> Tensor:
        return self._zeros(batch, self.d_state, self.n)

    def _run(self, x: Tensor, state: Tensor, cu_seqlens: Tensor | None) -> tuple[Tensor, Tensor]:
        sizes = dict(zip("BL", x.shape, strict=False))
        bounds = boundaries(cu_seqlens, sizes, x.device)
        starts = bounds[:-1]
        a, b = (part.flatten(0, 1) for part in self.recurrence(x))
        # the first step of each sequence writes what its state becomes, and forgets all before
        kept = (self._matrix(a[starts]) @ state.unsqueeze(-1)).squeeze(-1)
        b = b.index_add(0, starts, kept)
        a = a.index_fill(0, starts, 0)
        steps = torch.cat([a, b.unsqueeze(-1)], dim=-1).unflatten(0, x.shape[:2])
        h = _prefixes(steps, self._after)[..., -1]
        y = torch.einsum("blmn,dmn->bld", h, self.C) + self.D * x
        return y, h.flatten(0, 1)[bounds[1:] - 1]

    def recurrence(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The transition and the input of each step, :math:`h_t = a_t h_{t-1} + b_t`.

        Parameters
        ----------
        x : Tensor, ``(B, L, D)``
            Inputs.

        Returns
        -------
        a : Tensor, ``(B, L, M, n, 1)``, or ``(B, L, M, n, n)`` with a learnt structure
            The first column of each transition, which is the number to multiply by, or all of
            them.
        b : Tensor, ``(B, L, M, n)``
            What is added.
        """
        z = self.gate(x)
        theta = self.turn(x).unflatten(-1, (self.d_state, self.n - 1))
        if self.learns_structure:
            skew = (self.A - self.A.mT) / 2
            turn = torch.matrix_exp(torch.einsum("...i,ikj->...kj", theta, skew))
        else:
            angle = torch.linalg.vector_norm(theta, dim=-1, keepdim=True)
            # sin(angle) / angle, which is smooth at 0
            turn = torch.cat([angle.cos(), theta * (angle / math.pi).sinc()], dim=-1).unsqueeze(-1)
        written = torch.einsum("bld,mnd->blmn", x, self.B)
        # 1 - sigmoid(z), with no cancellation
        return (-z).sigmoid()[..., None, None] * turn, z.sigmoid()[..., None] * written

    def _matrix(self, a: Tensor) -> Tensor:
        """Transitions (..., n, n) from their columns."""
        if self.learns_structure:
            return a
        return torch.einsum("...i,ikj->...kj", a.squeeze(-1), self.units)

    def _after(self, later: Tensor, earlier: Tensor) -> Tensor:
        """Two affine maps, each the columns of a transition and then what is added, as one."""
        turned = self._matrix(later[..., :-1]) @ earlier
        return turned + pad(later[..., -1:], (earlier.shape[-1] - 1, 0))

    def extra_repr(self) -> str:
        kind = {2: "complex", 4: "quaternion"}[self.n]
        learnt = ", learnt structure" if self.learns_structure else ""
        return f"d_model={self.d_model}, d_state={self.d_state}, {kind} blocks{learnt}"


def _prefixes(steps: Tensor, after) -> Tensor:
    """The first t steps as one, for every t: pairs, the prefixes of pairs, then what is between."""
    length = steps.shape[1]
    if length == 1:
        return steps
    pairs = _prefixes(after(steps[:, 1::2], steps[:, :-1:2]), after)
    prefixes = torch.empty_like(steps)
    prefixes[:, 0] = steps[:, 0]
    prefixes[:, 1::2] = pairs
    prefixes[:, 2::2] = after(steps[:, 2::2], pairs[:, : (length - 1) // 2])
    return prefixes
