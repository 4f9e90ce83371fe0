"""What each rank runs: a piece of each scan, against the scan of the whole sequence.

Called by `test_distributed.py` through torchrun. Every rank draws the same whole system.
"""

import torch
import torch.distributed as dist
from torch.testing import assert_close

from ssm_companion import distributed, linear_scan, selective_scan

LENGTH, CHANNELS, MODES = 23, 3, 4


def pieces(rank, world):
    """Uneven pieces, as sequences come."""
    cuts = [0, *sorted({1 + (LENGTH - 2) * (i + 1) ** 2 // world**2 for i in range(world - 1)})]
    cuts.append(LENGTH)
    return slice(cuts[rank], cuts[rank + 1])


def total(gradient):
    """Sum the shares that the ranks have of the gradient of what they share."""
    gradient = gradient.clone()
    if gradient.is_complex():
        dist.all_reduce(torch.view_as_real(gradient))
    else:
        dist.all_reduce(gradient)
    return gradient


def leaves(tensors):
    return {name: x.clone().requires_grad_() for name, x in tensors.items()}


def check_linear(dtype, reverse, constant):
    def draw(*shape):
        return torch.randn(shape, dtype=dtype)

    a = 0.8 * (draw(2, 3) if constant else draw(2, LENGTH, 2, 3))
    whole = {"a": a, "b": draw(2, LENGTH, 2, 3), "h0": draw(2, 2, 3)}
    weight, end_weight = draw(2, LENGTH, 2, 3), draw(2, 2, 3)
    mine = pieces(dist.get_rank(), dist.get_world_size())
    options = {"reverse": reverse, "return_last": True}

    one = leaves(whole)
    h, last = linear_scan(**one, **options)
    (h * weight).sum().abs().add((last * end_weight).sum().abs()).backward()

    split = leaves(whole)
    a_piece = split["a"] if constant else split["a"][:, mine]
    piece, end = distributed.linear_scan(a_piece, split["b"][:, mine], split["h0"], **options)
    assert_close(piece, h[:, mine])
    assert_close(end, last)
    # d|s| of a sum over the ranks: each takes its share of the direction of the whole
    direction = torch.sgn((h * weight).sum().detach()).conj()
    end_direction = torch.sgn((last * end_weight).sum().detach()).conj()
    loss = ((piece * weight[:, mine]).sum() * direction).real
    if dist.get_rank() == 0:
        loss = loss + ((end * end_weight).sum() * end_direction).real
    else:
        loss = loss + 0 * end.abs().sum()
    loss.backward()
    for name, x in split.items():
        assert_close(total(x.grad), one[name].grad, msg=lambda text, name=name: f"{name}: {text}")


def check_selective(complex_system, discretization):
    real = torch.float64
    dtype = torch.complex128 if complex_system else real
    A = -torch.rand(CHANNELS, MODES, dtype=real)
    whole = {
        "u": torch.randn(2, LENGTH, CHANNELS, dtype=real),
        "delta": torch.randn(2, LENGTH, CHANNELS, dtype=real),
        "A": A * (1 + 2j) if complex_system else A,
        "B": torch.randn(2, LENGTH, MODES, dtype=dtype),
        "C": torch.randn(2, LENGTH, MODES, dtype=dtype),
        "D": torch.randn(CHANNELS, dtype=real),
        "z": torch.randn(2, LENGTH, CHANNELS, dtype=real),
        "delta_bias": torch.randn(CHANNELS, dtype=real),
        "initial_state": torch.randn(2, CHANNELS, MODES, dtype=dtype),
    }
    weight = torch.randn(2, LENGTH, CHANNELS, dtype=real)
    mine = pieces(dist.get_rank(), dist.get_world_size())
    options = {"delta_softplus": True, "return_last_state": True}
    # not the kernels, which every rank would compile for itself
    options |= {"discretization": discretization, "backend": "chunked"}

    one = leaves(whole)
    y, last = selective_scan(**one, **options)
    ((y * weight).sum() + last.real.sum()).backward()

    split = leaves(whole)
    local = {name: split[name][:, mine] for name in ("u", "delta", "B", "C", "z")}
    piece, end = distributed.selective_scan(**(split | local), **options)
    assert_close(piece, y[:, mine])
    assert_close(end, last)
    share = end.real.sum() / dist.get_world_size()
    ((piece * weight[:, mine]).sum() + share).backward()
    for name, x in split.items():
        assert_close(total(x.grad), one[name].grad, msg=lambda text, name=name: f"{name}: {text}")


def main():
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for dtype in (torch.float64, torch.complex128):
        for reverse in (False, True):
            for constant in (False, True):
                check_linear(dtype, reverse, constant)
    for complex_system in (False, True):
        for discretization in ("euler", "zoh", "bilinear"):
            check_selective(complex_system, discretization)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
