"""The signature of mamba-ssm against a loop with its semantics, written for its layout."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import softplus
from torch.testing import assert_close

from ssm_companion.compat import selective_scan_fn

# how B or C is given: constant, shared by all channels, or by groups of them
KINDS = ["constant", "shared", "groups"]
BATCH, CHANNELS, MODES, LENGTH = 2, 4, 3, 7


def system(kinds, is_complex, length=LENGTH):
    dtype = torch.complex128 if is_complex else torch.float64
    varying = 2 * length if is_complex else length

    def weights(kind):
        if kind == "constant":
            return torch.randn(CHANNELS, MODES, dtype=dtype)
        groups = {"shared": (), "groups": (2,)}[kind]
        return torch.randn(BATCH, *groups, MODES, varying, dtype=torch.float64)

    A = torch.randn(CHANNELS, MODES, dtype=dtype)
    A = A - A.real - A.real.abs()
    u, delta, z = torch.randn(3, BATCH, CHANNELS, length, dtype=torch.float64)
    D, bias = torch.randn(2, CHANNELS, dtype=torch.float64)
    return u, delta, A, *(weights(kind) for kind in kinds), D, z, bias


def at(weights, t, is_complex):
    """The weights of every channel at step t, (B, D, N) or (D, N)."""
    if weights.ndim == 2:
        return weights
    if is_complex:
        weights = weights[..., 2 * t] + 1j * weights[..., 2 * t + 1]
    else:
        weights = weights[..., t]
    if weights.ndim == 2:
        return weights[:, None].expand(BATCH, CHANNELS, MODES)
    return weights.repeat_interleave(CHANNELS // weights.shape[1], dim=1)


def loop(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False):
    is_complex = A.is_complex()
    if delta_bias is not None:
        delta = delta + delta_bias[:, None]
    if delta_softplus:
        delta = softplus(delta)
    h, outputs = torch.zeros(BATCH, CHANNELS, MODES, dtype=A.dtype), []
    for t in range(u.shape[2]):
        step = delta[:, :, t, None]
        h = (step * A).exp() * h + step * at(B, t, is_complex) * u[:, :, t, None]
        y = (at(C, t, is_complex) * h).sum(-1)
        outputs.append(2 * y.real if is_complex else y)
    y = torch.stack(outputs, dim=2)
    if D is not None:
        y = y + D[:, None] * u
    if z is not None:
        y = y * z * z.sigmoid()
    return y, h


@pytest.mark.parametrize("of_C", KINDS)
@pytest.mark.parametrize("of_B", KINDS)
@pytest.mark.parametrize("is_complex", [False, True])
def test_outputs_states_and_gradients_are_those_of_the_loop(is_complex, of_B, of_C):
    arguments = [x.requires_grad_() for x in system((of_B, of_C), is_complex)]
    y, last = selective_scan_fn(*arguments, delta_softplus=True, return_last_state=True)
    expected, end = loop(*arguments, delta_softplus=True)
    assert_close(y, expected)
    assert_close(last, end)
    seeds = [torch.randn_like(y), torch.randn_like(last)]
    assert_close(
        torch.autograd.grad((y, last), arguments, seeds),
        torch.autograd.grad((expected, end), arguments, seeds),
    )


@pytest.mark.parametrize("is_complex", [False, True])
def test_what_is_optional_may_be_left_out(is_complex):
    u, delta, A, B, C, D, z, bias = system(("shared", "groups"), is_complex, length=1)
    delta = delta.abs()
    assert_close(selective_scan_fn(u, delta, A, B, C), loop(u, delta, A, B, C)[0])
    positional = selective_scan_fn(u, delta, A, B, C, D, z, bias, True, True)
    assert_close(positional, loop(u, delta, A, B, C, D, z, bias, True))


def test_gradients_flow_through_the_last_state():
    arguments = [x.requires_grad_() for x in system(("shared", "shared"), True, length=2)[:5]]

    def last(*arguments):
        return selective_scan_fn(*arguments, delta_softplus=True, return_last_state=True)[1]

    assert gradcheck(last, arguments)


@pytest.mark.parametrize("is_complex", [False, True])
def test_half_precision_sequences_go_with_parameters_in_single(is_complex):
    u, delta, A, B, C, D, z, bias = system(("shared", "groups"), is_complex)
    A = A.to(torch.complex64 if is_complex else torch.float32)
    D, bias = D.float(), bias.float()
    halves = [x.bfloat16() for x in (u, delta, B, C, z)]
    singles = [x.float() for x in halves]

    def run(u, delta, B, C, z):
        return selective_scan_fn(u, delta, A, B, C, D, z, bias, True, return_last_state=True)

    y, last = run(*halves)
    exact, end = run(*singles)
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, exact.bfloat16())
    assert last.dtype == A.dtype
    assert torch.equal(last, end)


def call(
    u=(2, 4, 5), delta=(2, 4, 5), A=(4, 3), B=(2, 3, 5), C=(2, 3, 5), is_complex=False, **more
):
    A = torch.zeros(A, dtype=torch.complex64 if is_complex else torch.float32)
    u, delta, B, C = (torch.zeros(x) if isinstance(x, tuple) else x for x in (u, delta, B, C))
    return selective_scan_fn(u, delta, A, B, C, **more)


CASES = {
    "u": (lambda: call(u=(4, 5)), "`u` must have shape (B, D, L), got (4, 5)"),
    "delta": (
        lambda: call(delta=(2, 5, 4)),
        "`delta` must have shape (B=2, D=4, L=5), got (2, 5, 4)",
    ),
    "A": (lambda: call(A=(3, 4)), "`A` must have shape (D=4, N), got (3, 4)"),
    "B": (lambda: call(B=(2, 5, 3)), "`B` must have shape (B=2, N=3, L=5), got (2, 5, 3)"),
    "B constant": (lambda: call(B=(3, 4)), "`B` must have shape (D=4, N=3), got (3, 4)"),
    "C groups": (
        lambda: call(C=(2, 3, 2, 5)),
        "`C` must have shape (B=2, G, N=3, L=5), got (2, 3, 2, 5)",
    ),
    "C complex": (
        lambda: call(is_complex=True, B=(2, 3, 10)),
        "`C` must have shape (B=2, N=3, 2L=10), got (2, 3, 5)",
    ),
    "B complex dtype": (
        lambda: call(is_complex=True, B=torch.zeros(2, 3, 10, dtype=torch.complex64)),
        "`B` must have dtype torch.float32",
    ),
    "z": (
        lambda: call(z=torch.zeros(2, 5, 4)),
        "`z` must have shape (B=2, D=4, L=5), got (2, 5, 4)",
    ),
    "D": (lambda: call(D=torch.zeros(3)), "`D` must have shape (D=4,), got (3,)"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_use(case):
    wrong, message = CASES[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        wrong()
    assert message in str(caught.value)
