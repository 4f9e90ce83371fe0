"""The GPU kernels compute what the reference does, seen without a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")

CASES = Path(__file__).with_name("gpu_interpreted.py")


def test_interpreted_kernels_agree_with_the_reference():
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore::RuntimeWarning", str(CASES)]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_the_backend_is_importable_without_a_gpu():
    command = [sys.executable, "-c", "import ssm_companion.kernels.gpu"]
    subprocess.run(command, check=True)
