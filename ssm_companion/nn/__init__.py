"""Layers: `torch.nn.Module`s with `forward`, `step` and `init_state`."""

from ssm_companion.nn.baselines import GRU as GRU
from ssm_companion.nn.baselines import LSTM as LSTM
from ssm_companion.nn.baselines import Attention as Attention
from ssm_companion.nn.lru import LRU as LRU
from ssm_companion.nn.mamba import Mamba as Mamba
from ssm_companion.nn.mamba2 import Mamba2 as Mamba2
from ssm_companion.nn.phm import Hypercomplex as Hypercomplex
from ssm_companion.nn.s4d import S4D as S4D
