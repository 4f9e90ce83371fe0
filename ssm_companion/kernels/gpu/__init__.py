"""Triton kernels: one program holds the states of some channels in registers and walks in time.

There is no parallel scan. With B D channels to spread over the machine a loop over time reads and
writes each number once, which is all there is to gain, and it sums in the order of the reference.

`numbers` has real and complex arithmetic in one notation, `discretize` the functions of the step,
`recurrence` and `selective` a kernel for each pass with the host function that launches it.
"""

from ssm_companion.kernels.gpu.recurrence import linear
from ssm_companion.kernels.gpu.selective import backward, forward

__all__ = ["backward", "forward", "linear"]
