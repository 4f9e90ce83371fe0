"""Benchmarks of the scans of ssm_companion against other libraries and against the machine."""
