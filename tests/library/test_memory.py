"""What a forward pass keeps for the backward pass: its inputs, and a state a chunk."""

import pytest
import torch
from systems import KERNELS

from ssm_companion import selective_scan

BATCH, LENGTH, CHANNELS, MODES, CHUNK = 2, 1024, 64, 16, 64


@pytest.fixture
def arguments():
    def leaf(*shape):
        return torch.rand(shape, requires_grad=True)

    return {
        "u": leaf(BATCH, LENGTH, CHANNELS),
        "delta": leaf(BATCH, LENGTH, CHANNELS),
        "A": (-leaf(CHANNELS, MODES)).detach().requires_grad_(),
        "B": leaf(BATCH, LENGTH, MODES),
        "C": leaf(BATCH, LENGTH, MODES),
        "D": leaf(CHANNELS),
        "z": leaf(BATCH, LENGTH, CHANNELS),
        "chunk_size": CHUNK,
    }


def size(tensors):
    """Bytes of the memory behind tensors, each memory counted once."""
    storages = {x.untyped_storage().data_ptr(): x.untyped_storage() for x in tensors}
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("backend", KERNELS)
def test_a_forward_pass_keeps_its_inputs_and_a_state_a_chunk(arguments, backend):
    kept = []

    def keep(x):
        kept.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        selective_scan(**arguments, backend=backend)
    inputs = size(x for x in arguments.values() if torch.is_tensor(x))
    all_states = 4 * BATCH * LENGTH * CHANNELS * MODES
    checkpoints = all_states // CHUNK
    # one more state a sequence, where it begins, and the zeros before that; and the boundaries
    limit = inputs + checkpoints + 2 * BATCH * CHANNELS * MODES * 4 + 1024
    assert inputs < size(kept) <= limit
    assert limit < inputs + all_states // 32


@pytest.mark.parametrize("backend", KERNELS)
def test_no_operator_keeps_all_states(arguments, backend):
    """No operator allocates a quarter of the states of all steps, net of what it frees."""
    with torch.profiler.profile(profile_memory=True) as profile:
        y = selective_scan(**arguments, backend=backend)
        y.sum().backward()
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    assert 0 < largest < 4 * BATCH * LENGTH * CHANNELS * MODES / 4
