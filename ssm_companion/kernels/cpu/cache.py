"""What a compiled kernel depends on besides its own file."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path


@functools.cache
def sources() -> int:
    """A number that changes with any file of this folder.

    numba keeps compiled kernels on disk until their own file changes, and does not look at what
    they call. But it does look at the variables that a kernel takes from around it: so each takes
    this number.
    """
    files = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    return int.from_bytes(digest.digest()[:7], "big")
