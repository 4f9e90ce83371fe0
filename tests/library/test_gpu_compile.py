"""The GPU kernels compile for GPUs that are not here, into the code that was meant.

Each kernel is compiled with the arguments and settings that its host function would launch it with.
"""

import re
import subprocess
from pathlib import Path

import pytest
import torch

triton = pytest.importorskip("triton")

from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

from ssm_companion.kernels import Inputs, Options, gpu  # noqa: E402

CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
AMD = GPUTarget("hip", "gfx942", 64)
TYPES = {torch.float32: "*fp32", torch.int64: "*i64"}
PARTS = {"real": torch.float32, "complex": torch.complex64}
# those that most models run, and the two that need the most registers
SETTINGS = [("euler", "real"), ("euler", "complex"), ("zoh", "real"), ("bilinear", "complex")]


class Launch:
    """In the place of a kernel, this keeps what it is launched with."""

    def __init__(self, module, name, monkeypatch):
        self.kernel = getattr(module, name)
        monkeypatch.setattr(module, name, self)

    def __getitem__(self, grid):
        return self

    def __call__(self, *args, **kwargs):
        named = dict(zip(self.kernel.arg_names, args, strict=False)) | kwargs
        self.options = {k: v for k, v in named.items() if k not in self.kernel.arg_names}
        self.arguments = {k: named[k] for k in self.kernel.arg_names}

    def compile(self, target):
        """As Triton would at this launch: it specialises for None, 1 and multiples of 16."""
        signature, constants, attributes = {}, {}, {}
        for i, parameter in enumerate(self.kernel.params):
            name, value = parameter.name, self.arguments[parameter.name]
            if isinstance(value, tuple):
                signature[name] = tuple(TYPES[part.dtype] for part in value)
                aligned = [(i, k) for k, part in enumerate(value) if part.data_ptr() % 16 == 0]
            elif isinstance(value, torch.Tensor):
                signature[name], aligned = TYPES[value.dtype], [(i,)]
            elif parameter.is_constexpr or value in (None, 1):
                signature[name], constants[name], aligned = "constexpr", value, []
            else:
                signature[name], aligned = "i32", [(i,)] if value % 16 == 0 else []
            attributes |= {place: [["tt.divisibility", 16]] for place in aligned}
        source = ASTSource(self.kernel, signature, constants, attributes)
        options = dict(self.options)
        if target.backend == "hip":
            del options["maxnreg"]
        return triton.compile(source, target=target, options=options)


def selective(name, method, parts, modes, monkeypatch, softplus=True, gate=True):
    """A launch of a kernel as in a layer of 256 channels."""
    rows, channels, state = 128, 256, torch.empty(2, 256, modes, dtype=PARTS[parts])
    column, row = torch.empty(rows, channels), torch.empty(rows, 1, modes, dtype=state.dtype)
    vector = torch.empty(channels)
    bounds = torch.tensor([0, 64, rows])
    z = column if gate else None
    inputs = Inputs(column, column, None, state[0], row, row, vector, z, vector, state, bounds)
    options = Options(softplus, method, pairs=parts == "complex", chunk=64)
    launch = Launch(gpu.selective, f"{name}_kernel", monkeypatch)
    if name == "forward":
        gpu.forward(inputs, options)
    else:
        gpu.backward(column, state, inputs, state, options)
    return launch


def linear(parts, monkeypatch):
    b, h0 = torch.empty(128, 256, dtype=PARTS[parts]), torch.empty(2, 256, dtype=PARTS[parts])
    launch = Launch(gpu.recurrence, "linear_kernel", monkeypatch)
    gpu.linear(b, b, h0, torch.tensor([0, 64, 128]), reverse=True)
    return launch


def compiled_for_nvidia(launch, architecture, folder):
    """The compiled kernel, after a look at the memory that it takes."""
    compiled = launch.compile(GPUTarget("cuda", architecture, 32))
    binary = folder / "kernel.cubin"
    binary.write_bytes(compiled.asm["cubin"])
    command = [CUOBJDUMP, "--dump-resource-usage", binary]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # spilled registers and tables would be on the stack
    assert re.search(r"STACK:0 .*LOCAL:0 ", report), report
    # a kernel that wants more has to ask for it, and not every GPU has it
    assert compiled.metadata.shared <= 48 * 1024
    return compiled


CASES = [
    *((90, 16, *setting) for setting in SETTINGS),
    (90, 64, "euler", "real"),
    *((other, 16, *setting) for other in (80, 100) for setting in SETTINGS[:2]),
]


@pytest.mark.parametrize("name", ["forward", "backward"])
@pytest.mark.parametrize("architecture, modes, method, parts", CASES)
def test_selective_keeps_to_registers(
    name, architecture, modes, method, parts, monkeypatch, tmp_path
):
    launch = selective(name, method, parts, modes, monkeypatch)
    compiled_for_nvidia(launch, architecture, tmp_path)


@pytest.mark.parametrize("parts", ["real", "complex"])
@pytest.mark.parametrize("architecture", [80, 90, 100])
def test_linear_keeps_to_registers(architecture, parts, monkeypatch, tmp_path):
    compiled = compiled_for_nvidia(linear(parts, monkeypatch), architecture, tmp_path)
    assert "ex2" not in compiled.asm["ptx"]


@pytest.mark.parametrize(
    "name, exponentials, parts, modes",
    [
        ("forward", 1, "real", 16),
        ("forward", 1, "real", 64),
        ("forward", 1, "complex", 16),
        ("backward", 2, "real", 16),
    ],
)
def test_exponentials_of_a_step_are_those_on_paper(name, exponentials, parts, modes, monkeypatch):
    """One of each state in a step, and backwards one more in the replay.

    Without softplus and gate nothing else needs any, and the loop over time is there once. So the
    program has one instruction for each state of a thread: BLOCK_D BLOCK_N states, 32 threads to a
    warp. Cosine and sine are polynomials.
    """
    launch = selective(name, "euler", parts, modes, monkeypatch, softplus=False, gate=False)
    states = launch.arguments["BLOCK_D"] * launch.arguments["BLOCK_N"]
    of_thread = states // (32 * launch.options["num_warps"])
    ptx = launch.compile(GPUTarget("cuda", 90, 32)).asm["ptx"]
    assert len(re.findall(r"^\s*ex2\.approx", ptx, re.MULTILINE)) == exponentials * of_thread
    assert not re.search(r"^\s*(sin|cos)\.approx", ptx, re.MULTILINE)


@pytest.mark.parametrize("parts", ["real", "complex"])
@pytest.mark.parametrize("name", ["forward", "backward"])
def test_selective_compiles_for_amd(name, parts, monkeypatch):
    compiled = selective(name, "euler", parts, 16, monkeypatch).compile(AMD)
    assert set(re.findall(r"\.vgpr_spill_count: +(\d+)", compiled.asm["amdgcn"])) == {"0"}


@pytest.mark.parametrize("parts", ["real", "complex"])
def test_linear_compiles_for_amd(parts, monkeypatch):
    linear(parts, monkeypatch).compile(AMD)
