"""Our Blahut-Arimoto against that of dit, in bits and with its random restarts."""

import numpy as np
import pytest
from dit.rate_distortion.blahut_arimoto import blahut_arimoto as theirs

from ssm_companion.theory.rate_distortion import blahut_arimoto


@pytest.mark.parametrize("seed", range(5))
def test_dit_lies_between_our_bounds(seed):
    rng = np.random.default_rng(seed)
    p, slope = rng.dirichlet(np.ones(4)), rng.uniform(1, 8)
    d = rng.random((4, 4))
    ours = blahut_arimoto(p, d, slope, steps=100_000)
    assert ours.gap < 1e-9
    point, _ = theirs(p, slope / np.log(2), distortion=lambda *_: d, max_iters=20_000, restarts=3)
    mine = ours.nats + slope * ours.distortion
    found = point.rate * np.log(2) + slope * point.distortion
    assert mine - 1e-8 <= found <= mine + 1e-3
