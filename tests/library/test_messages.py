"""Each wrong use is an error that says the name, what was expected and what came."""

import numpy as np
import pytest
import torch

import ssm_companion
from ssm_companion import linear_scan
from ssm_companion._shapes import ShapeError, check, check_choice, check_finite, check_positive_int
from ssm_companion.discretize import zoh
from ssm_companion.init import dt_log_uniform, inv_softplus, lru_ring, s4d_lin
from ssm_companion.nn import S4D
from ssm_companion.tasks.series import lagged, load
from ssm_companion.theory import memory
from ssm_companion.training import fit


def zeros(*shape, dtype=torch.float32):
    return torch.zeros(shape, dtype=dtype)


def ints(*values):
    return torch.tensor(values)


def layer(**options):
    return S4D(3, 4, **options)


def fit_weight(**options):
    weight = torch.zeros(1, requires_grad=True)
    return fit([weight], lambda: weight.sum(), progress=False, **options)


CASES = {
    # sizes
    "d_state 0": (lambda: S4D(3, 0), "`d_state` must be an integer >= 1, got 0"),
    "d_model True": (lambda: S4D(True), "`d_model` must be an integer >= 1, got True"),
    "N float": (lambda: s4d_lin(2.0), "`N` must be an integer >= 1, got 2.0"),
    "batch": (lambda: layer().init_state(-1), "`batch` must be an integer >= 1, got -1"),
    "steps": (lambda: fit_weight(steps=0), "`steps` must be an integer >= 1, got 0"),
    "every": (lambda: fit_weight(every=0), "`every` must be an integer >= 1, got 0"),
    "threads": (lambda: ssm_companion.setup(threads=0), "`threads` must be an integer >= 1, got 0"),
    "n_test": (lambda: load("sunspots").split(0), "`n_test` must be an integer >= 1, got 0"),
    "n_test all": (
        lambda: load("sunspots").split(309),
        "`n_test` must be below the 309 values, got 309",
    ),
    "lags": (lambda: lagged(np.ones(5), 5), "`lags` must be below the 5 values, got 5"),
    # shapes
    "u axes": (lambda: layer()(zeros(2, 3)), "`u` must have shape (B, L, D=3), got (2, 3)"),
    "u channels": (
        lambda: layer()(zeros(2, 7, 4)),
        "`u` must have shape (B, L, D=3), got (2, 7, 4)",
    ),
    "step u": (
        lambda: layer().step(zeros(2, 1, 3), layer().init_state(2)),
        "`u` must have shape (B, D=3), got (2, 1, 3)",
    ),
    "state": (
        lambda: layer()(zeros(2, 7, 3), layer().init_state(1)),
        "`state` must have shape (B=2, D=3, N=4), got (1, 3, 4)",
    ),
    "step state": (
        lambda: layer().step(zeros(2, 3), layer().init_state(1)),
        "`state` must have shape (B=2, D=3, N=4), got (1, 3, 4)",
    ),
    "scan a": (
        lambda: linear_scan(zeros(1, 5, 3), zeros(2, 5, 3)),
        "`a` must have shape (B=2, L=5, *S=(3,)), got (1, 5, 3)",
    ),
    "scan a constant": (
        lambda: linear_scan(zeros(1), zeros(2, 5, 3)),
        "`a` must have shape (*S=(3,),), got (1,)",
    ),
    "scan a number": (
        lambda: linear_scan(0.5, zeros(2, 5, 3)),
        "`a` must be an array of shape (B=2, L=5, *S=(3,)), got float",
    ),
    "scan b": (lambda: linear_scan(zeros(3), zeros(3)), "`b` must have shape (B, L, *S), got (3,)"),
    "scan empty": (
        lambda: linear_scan(zeros(3), zeros(2, 0, 3)),
        "`b` must hold at least one step, got L = 0",
    ),
    "scan h0": (
        lambda: linear_scan(zeros(2, 5, 3), zeros(2, 5, 3), zeros(3)),
        "`h0` must have shape (B=2, *S=(3,)), got (3,)",
    ),
    "scan packed h0": (
        lambda: linear_scan(zeros(1, 5, 3), zeros(1, 5, 3), zeros(1, 3), cu_seqlens=ints(0, 2, 5)),
        "`h0` must have shape (n_seqs=2, *S=(3,)), got (1, 3)",
    ),
    "zoh delta": (
        lambda: zoh(zeros(7, 2), zeros(3, 4), zeros(7, 4)),
        "`delta` must have shape (*batch, D=3), got (7, 2)",
    ),
    "zoh A": (lambda: zoh(zeros(3), zeros(3), zeros(3)), "`A` must have shape (D, N), got (3,)"),
    "zoh B": (
        lambda: zoh(zeros(7, 3), zeros(3, 4), zeros(4)),
        "`B` must have shape (..., N) = (7, 4) or (D, N) = (3, 4), got (4,)",
    ),
    "zoh ambiguous": (
        lambda: zoh(zeros(3, 3), zeros(3, 4), zeros(3, 4)),
        "`B` of shape (3, 4) could be (L, N) or (D, N) here",
    ),
    "loss": (
        lambda: fit([zeros(2).requires_grad_()], lambda w: w[0], progress=False),
        "`loss` must have shape (), got (2,)",
    ),
    "lagged": (lambda: lagged(np.ones((5, 1)), 2), "`values` must have shape (T,), got (5, 1)"),
    "response": (
        lambda: memory.impulse_response([0.5], [1, 2], [1], 3),
        "`a`, `b`, `c` must have the same shape (N,), got (1,), (2,), (1,)",
    ),
    # dtypes
    "scan dtypes": (
        lambda: linear_scan(zeros(1, 5, 3), zeros(1, 5, 3, dtype=torch.float64)),
        "`a` and `b` must have the same dtype, got torch.float32 and torch.float64",
    ),
    "scan complex a": (
        lambda: linear_scan(zeros(1, 5, 3, dtype=torch.complex64), zeros(1, 5, 3)),
        "`a` and `b` must have the same dtype, got torch.complex64 and torch.float32",
    ),
    "scan integers": (
        lambda: linear_scan(ints(1), ints(1)[None, None]),
        "`b` must have dtype torch.float32 or",
    ),
    "scan h0 dtype": (
        lambda: linear_scan(zeros(1, 5, 3), zeros(1, 5, 3), zeros(1, 3, dtype=torch.float64)),
        "`h0` must have dtype torch.float32, got torch.float64",
    ),
    "zoh half": (
        lambda: zoh(zeros(3, dtype=torch.bfloat16), zeros(3, 4), zeros(4)),
        "`delta` must have dtype torch.float32 or torch.float64, got torch.bfloat16",
    ),
    "zoh precision": (
        lambda: zoh(zeros(3), zeros(3, 4, dtype=torch.float64), zeros(4)),
        "`A` must have dtype torch.float32 or torch.complex64, got torch.float64",
    ),
    "u dtype": (
        lambda: layer()(zeros(2, 7, 3, dtype=torch.float64)),
        "`u` must have dtype torch.float32, got torch.float64",
    ),
    "step u dtype": (
        lambda: layer().step(zeros(2, 3, dtype=torch.float64), layer().init_state(2)),
        "`u` must have dtype torch.float32, got torch.float64",
    ),
    "state dtype": (
        lambda: layer()(zeros(2, 7, 3), zeros(2, 3, 4)),
        "`state` must have dtype torch.complex64, got torch.float32",
    ),
    "layer dtype": (
        lambda: layer(dtype=torch.bfloat16),
        "`dtype` must be one of torch.float32, torch.float64, got torch.bfloat16",
    ),
    # choices
    "backend": (
        lambda: linear_scan(zeros(3), zeros(1, 5, 3), backend="referense"),
        "`backend` must be one of 'auto', 'reference', 'chunked', 'cpu', 'gpu', got 'referense'; "
        "did you mean 'reference'?",
    ),
    "init": (
        lambda: layer(init="line"),
        "`init` must be one of 'lin', 'inv', 'legs', 'real', got 'line'; did you mean 'lin'?",
    ),
    "series": (
        lambda: load("sunspot"),
        "`name` must be one of 'sunspots', 'co2', 'elnino', got 'sunspot'; "
        "did you mean 'sunspots'?",
    ),
    "schedule": (
        lambda: fit_weight(schedule="cos"),
        "`schedule` must be one of None, 'cosine', got 'cos'; did you mean 'cosine'?",
    ),
    # packed sequences
    "cu_seqlens batch": (
        lambda: linear_scan(zeros(3), zeros(2, 5, 3), cu_seqlens=ints(0, 5)),
        "`cu_seqlens` needs a batch of 1, got B = 2",
    ),
    "cu_seqlens end": (
        lambda: linear_scan(zeros(3), zeros(1, 5, 3), cu_seqlens=ints(0, 4)),
        "`cu_seqlens` must rise from 0 to L = 5, got [0, 4]",
    ),
    "cu_seqlens start": (
        lambda: linear_scan(zeros(3), zeros(1, 5, 3), cu_seqlens=ints(1, 5)),
        "`cu_seqlens` must rise from 0 to L = 5, got [1, 5]",
    ),
    "cu_seqlens order": (
        lambda: linear_scan(zeros(3), zeros(1, 5, 3), cu_seqlens=ints(0, 3, 3, 5)),
        "`cu_seqlens` must rise from 0 to L = 5, got [0, 3, 3, 5]",
    ),
    "cu_seqlens dtype": (
        lambda: linear_scan(zeros(3), zeros(1, 5, 3), cu_seqlens=torch.tensor([0.0, 5.0])),
        "`cu_seqlens` must have dtype torch.int32 or torch.int64, got torch.float32",
    ),
    # values
    "lagged finite": (
        lambda: lagged(np.array([1, np.nan, np.inf, 2]), 1),
        "`values` must be finite, got 2 non-finite of 4 values, the first at (1,)",
    ),
    "ring": (lambda: lru_ring(3, 0.9, 0.5), "0 <= r_min <= r_max <= 1, got 0.9, 0.5"),
    "dt": (lambda: dt_log_uniform(3, 0, 1), "`lo`, `hi` must be 0 < lo <= hi, got 0, 1"),
    "softplus": (lambda: inv_softplus(zeros(2)), "`x` must be > 0, got a smallest entry of 0.0"),
    "half_life": (lambda: memory.half_life(1.0), "`a` must have |a| < 1, got |a| up to 1.0"),
    "time_constant": (
        lambda: memory.time_constant(np.array([0.5, -2])),
        "`a` must have |a| < 1, got |a| up to 2.0",
    ),
    "fading a": (
        lambda: memory.fading_bound(1j, 1, 3),
        "`a` must have |a| < 1, got |a| up to 1.0",
    ),
    "fading lag": (
        lambda: memory.fading_bound(0.5, 1, -1),
        "`lag` and `radius` must be >= 0, got -1 and 1.0",
    ),
    "length": (
        lambda: memory.impulse_response([0.5], [1], [1], 0),
        "`length` must be >= 1, got 0",
    ),
    "bits": (lambda: memory.ternary_state([0, 2]), "`bits` must be 0 or 1, got 2 at step 1"),
    "decode": (lambda: memory.ternary_decode(1.6, 3), "`h` must be in [0, 3/2], got 1.6"),
    "decode nan": (
        lambda: memory.ternary_decode(float("nan"), 3),
        "`h` must be in [0, 3/2], got nan",
    ),
    "decode length": (lambda: memory.ternary_decode(0, -1), "`length` must be >= 0, got -1"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_use(case):
    wrong, message = CASES[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        wrong()
    assert message in str(caught.value)


def test_a_wrong_shape_is_a_shape_error_and_a_value_error():
    with pytest.raises(ShapeError):
        layer()(zeros(2, 3))
    assert issubclass(ShapeError, ValueError)


def test_a_checkpoint_of_another_fit_is_refused(tmp_path):
    path = tmp_path / "fit.pt"
    fit_weight(steps=3, checkpoint=path)
    with pytest.raises(ValueError, match="`checkpoint` must be of a fit with steps = 4, got 3"):
        fit_weight(steps=4, checkpoint=path)
    other = [torch.zeros(2, requires_grad=True)]
    with pytest.raises(ValueError, match="shapes"):
        fit(other, lambda w: w[0].sum(), steps=3, checkpoint=path, progress=False)


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
class TestChecksServeBothLibraries:
    def test_sizes_are_bound_and_returned(self, make):
        sizes = check("u", make((2, 5, 3)), "B L D")
        assert sizes == {"B": 2, "L": 5, "D": 3}
        assert check("h", make((2, 7, 8)), "B *S", sizes) == sizes | {"*S": (7, 8)}

    def test_a_star_may_stand_for_nothing_and_is_bound_as_a_whole(self, make):
        assert check("h", make((2,)), "B *S") == {"B": 2, "*S": ()}
        with pytest.raises(ShapeError, match=r"\(B, \*S=\(7, 8\)\), got \(2, 7\)"):
            check("h", make((2, 7)), "B *S", {"*S": (7, 8)})

    def test_one_symbol_is_one_size(self, make):
        with pytest.raises(ShapeError, match=r"`A` must have shape \(N, N\), got \(2, 3\)"):
            check("A", make((2, 3)), "N N")

    @pytest.mark.parametrize("known, came", [(1, 5), (5, 1)])
    def test_a_size_of_one_is_not_broadcast(self, make, known, came):
        with pytest.raises(ShapeError, match=rf"\(B={known},\), got \({came},\)"):
            check("u", make((came,)), "B", {"B": known})

    def test_a_failed_check_binds_nothing(self, make):
        sizes = {"D": 3}
        with pytest.raises(ShapeError):
            check("u", make((2, 4)), "B D", sizes)
        assert sizes == {"D": 3}

    def test_non_finite_values_are_counted(self, make):
        x = make((2, 3))
        check_finite("x", x)
        x[1, 0] = float("inf")
        with pytest.raises(ValueError, match=r"1 non-finite of 6 values, the first at \(1, 0\)"):
            check_finite("x", x)


def test_good_values_pass():
    assert check_positive_int("n", np.int64(3)) == 3
    check_choice("c", "a", ("a", "b"))
