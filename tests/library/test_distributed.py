"""A sequence split over processes gives what one process gives, gradients included."""

import subprocess
import sys
from pathlib import Path


def test_pieces_on_ranks_equal_one_scan():
    """On three: a piece that is the first, one that is the last, and one between."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=3"]
    command = [sys.executable, *launch, str(Path(__file__).with_name("ranks.py"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
