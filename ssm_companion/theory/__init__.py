"""What can be said about memory on paper: NumPy and exact arithmetic, no torch."""

from ssm_companion.theory import contraction as contraction
from ssm_companion.theory import memory as memory
