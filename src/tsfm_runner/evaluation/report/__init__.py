"""The document of a study as one HTML file that needs nothing else."""

from tsfm_runner.evaluation.report.page import render

__all__ = ["render"]
