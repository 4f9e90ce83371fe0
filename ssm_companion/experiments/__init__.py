"""The long runs behind ``results/``: ``python -m ssm_companion.experiments --help``."""
