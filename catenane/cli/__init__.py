"""The command line: one verb a job, each a plain function of the Python API with the same names."""

from catenane.cli.program import main

__all__ = ["main"]
