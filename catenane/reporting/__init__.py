"""Reports and pages: what a training run measured, and the best of a ranking, as stand-alone HTML."""

from catenane.reporting.page import write_report
from catenane.reporting.ranking_page import Isotherms, write_ranking_page
from catenane.reporting.result import FinetuneResult, summary_lines

__all__ = ["FinetuneResult", "Isotherms", "summary_lines", "write_ranking_page", "write_report"]
