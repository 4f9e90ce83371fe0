r"""How fast a selective scan can be on a machine: bytes, multiply-adds and exponentials.

A kernel is limited by whichever takes longest: to move its inputs and outputs, or to compute. The
counts here are what a scan cannot do without: each input is read once, each output written once,
and each state computed once, which takes the exponential of :math:`\delta_t A`. A measured time
over the prediction says how far a kernel is from the machine.
"""

from __future__ import annotations

from dataclasses import dataclass

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}

# For each mode and step, with a product alone counted as one. Forward: the exponent, a h, b x and
# the read-out. Backward: the first three again, a g and what C adds to it, the slope, and one to
# each of the gradients of A, delta, the input, B and C. A test counts them in a loop.
_FMAS = {("real", False): 4, ("real", True): 11, ("complex", False): 12, ("complex", True): 30}
_EXPS = {"real": 1, "complex": 3}  # a complex exponential is a real one, a cosine and a sine


@dataclass(frozen=True)
class Machine:
    """Rates of a machine, in units a second.

    Parameters
    ----------
    name : str
        What the machine is called.
    bandwidth : float
        Bytes to and from memory.
    exps : float
        Exponentials, sines and cosines in float32.
    fmas : float
        Multiply-adds in float32.
    """

    name: str
    bandwidth: float
    exps: float
    fmas: float

    @classmethod
    def of_multiprocessors(
        cls, name: str, bandwidth: float, count: int, clock: float, fma_lanes: int = 128
    ) -> Machine:
        """A GPU whose multiprocessors compute 16 elementary functions a cycle, as NVIDIA's do.

        Parameters
        ----------
        name : str
            What the machine is called.
        bandwidth : float
            Bytes a second to and from memory.
        count : int
            Multiprocessors.
        clock : float
            Cycles a second.
        fma_lanes : int, optional
            Multiply-adds in float32 that a multiprocessor starts in a cycle.

        Returns
        -------
        Machine
            With the rates of all multiprocessors together.

        References
        ----------
        NVIDIA, *CUDA C++ Programming Guide*, table "Throughput of Native Arithmetic Instructions".
        """
        return cls(name, bandwidth, exps=count * 16 * clock, fmas=count * fma_lanes * clock)


# Bandwidths and multiprocessors are those of NVIDIA's data sheets of the H100 (2023) and the A100
# (2021), clocks the float32 rates there over the lanes. For the H100 this is the clock of the PCIe
# card: the SXM card has no rate for long runs, and for short ones reaches 1.98 GHz.
H100 = Machine.of_multiprocessors("H100 SXM", 3.35e12, 132, 1.755e9)
A100_40GB = Machine.of_multiprocessors("A100 40GB", 1.555e12, 108, 1.41e9, fma_lanes=64)
A100_80GB = Machine.of_multiprocessors("A100 80GB SXM", 2.039e12, 108, 1.41e9, fma_lanes=64)


@dataclass(frozen=True)
class Roofline:
    """What a scan needs of a machine, and the time that takes at least. Prints as a table.

    Parameters
    ----------
    machine : Machine
        The machine.
    bytes, exps, fmas : int
        What is moved and computed.
    """

    machine: Machine
    bytes: int
    exps: int
    fmas: int

    @property
    def walls(self) -> dict[str, float]:
        """Seconds that each kind of work takes by itself."""
        return {
            "memory": self.bytes / self.machine.bandwidth,
            "exponentials": self.exps / self.machine.exps,
            "multiply-adds": self.fmas / self.machine.fmas,
        }

    @property
    def bound(self) -> str:
        """The kind of work that takes longest."""
        return max(self.walls, key=self.walls.get)

    @property
    def seconds(self) -> float:
        """The least time, when all kinds of work overlap."""
        return max(self.walls.values())

    def __str__(self) -> str:
        counts = (self.bytes, "MB"), (self.exps, "M "), (self.fmas, "M ")
        amounts = [f"{count / 1e6:.1f} {unit}" for count, unit in counts]
        lines = [f"{self.machine.name}: {1e6 * self.seconds:.3g} us, bound by {self.bound}"]
        for (wall, seconds), amount in zip(self.walls.items(), amounts, strict=True):
            lines.append(f"  {wall:<14}{amount:>10}{1e6 * seconds:>12.4g} us")
        return "\n".join(lines)


def report(
    B: int,
    L: int,
    D: int,
    N: int,
    *,
    machine: Machine = H100,
    G: int = 1,
    dtype: str = "float32",
    is_complex: bool = False,
    backward: bool = False,
) -> Roofline:
    r"""Count what :func:`ssm_companion.selective_scan` needs, and predict its time.

    Parameters
    ----------
    B, L, D, N : int
        Batch, length, channels and modes.
    machine : Machine, optional
        The machine to predict for.
    G : int, optional
        Groups of channels that share ``B`` and ``C``.
    dtype : {"float32", "bfloat16", "float16"}, optional
        Of all that varies in time. ``A`` and the computation are in float32.
    is_complex : bool, optional
        N counts complex modes, each with a real exponential, a cosine and a sine.
    backward : bool, optional
        Count the backward pass, which computes all states anew, instead of the forward pass. The
        two are separate passes over memory.

    Returns
    -------
    Roofline
        The counts, and the walls that they run into.

    Raises
    ------
    ValueError
        For another ``dtype``.

    Notes
    -----
    Forward moves ``u``, ``delta``, ``y``, ``B``, ``C`` and ``A``; backward moves ``u``, ``delta``,
    ``B``, ``C``, ``A``, the gradient of ``y``, and writes the gradients of the first five. The
    states that a kernel keeps for its backward pass are not counted.

    Examples
    --------
    >>> print(report(8, 2048, 1024, 16))
    H100 SXM: 72.4 us, bound by exponentials
      memory          203.5 MB       60.74 us
      exponentials    268.4 M        72.42 us
      multiply-adds  1073.7 M        36.21 us
    """
    if dtype not in BYTES:
        raise ValueError(f"`dtype` must be one of {', '.join(BYTES)}, got {dtype!r}")
    parts = 2 if is_complex else 1
    rows = B * L * D * BYTES[dtype]
    weights = 2 * B * L * G * N * parts * BYTES[dtype]
    parameters = D * N * parts * 4
    inputs = 2 * rows + weights + parameters
    kind, elements = "complex" if is_complex else "real", B * L * D * N
    return Roofline(
        machine,
        bytes=inputs + rows + (inputs if backward else 0),
        exps=_EXPS[kind] * elements,
        fmas=_FMAS[kind, backward] * elements,
    )
