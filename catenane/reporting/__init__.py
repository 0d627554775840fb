"""Reports and pages: what a training run measured, and the best of a ranking, as stand-alone HTML."""

from catenane.reporting.groups import chemistry_groups
from catenane.reporting.isotherms import Isotherms
from catenane.reporting.ranking import write_ranking_page
from catenane.reporting.report import write_report
from catenane.reporting.result import FinetuneResult, summary_lines

__all__ = [
    "FinetuneResult",
    "Isotherms",
    "chemistry_groups",
    "summary_lines",
    "write_ranking_page",
    "write_report",
]
