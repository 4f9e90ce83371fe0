"""A sequence split over processes gives what one process gives, gradients included."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("world", [2, 4])
def test_pieces_on_ranks_equal_one_scan(world):
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={world}"]
    command = [sys.executable, *launch, str(Path(__file__).with_name("ranks.py"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
