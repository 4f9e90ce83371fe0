"""Layers: `torch.nn.Module`s with `forward`, `step` and `init_state`."""

from ssm_companion.nn.s4d import S4D as S4D
