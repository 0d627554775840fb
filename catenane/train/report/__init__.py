"""The report on a fine-tuning run: one HTML file for the screen and for paper."""

from catenane.train.report.page import write_report

__all__ = ["write_report"]
