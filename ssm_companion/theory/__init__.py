"""What can be said about memory on paper: NumPy and exact arithmetic, no torch."""

from ssm_companion.theory import bottleneck as bottleneck
from ssm_companion.theory import causal as causal
from ssm_companion.theory import contraction as contraction
from ssm_companion.theory import estimators as estimators
from ssm_companion.theory import expressivity as expressivity
from ssm_companion.theory import hypercomplex as hypercomplex
from ssm_companion.theory import information as information
from ssm_companion.theory import lipschitz as lipschitz
from ssm_companion.theory import lyapunov as lyapunov
from ssm_companion.theory import memory as memory
from ssm_companion.theory import polynomials as polynomials
from ssm_companion.theory import rate_distortion as rate_distortion
from ssm_companion.theory import reach as reach
from ssm_companion.theory import reduction as reduction
from ssm_companion.theory import vandermonde as vandermonde
