"""Implementations of the scan, one a file, all with the signature of `reference.scan`."""
