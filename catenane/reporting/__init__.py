"""Reports and pages: what a training run measured, and the best of a ranking, as stand-alone HTML."""

from catenane.reporting.groups import chemistry_groups
from catenane.reporting.isotherms import Isotherms
from catenane.reporting.ranking import target_label, write_ranking_page
from catenane.reporting.replicates import (
    ReplicatesResult,
    spread_grids,
    summarise,
    write_replicates_report,
)  # fmt: skip
from catenane.reporting.report import write_report
from catenane.reporting.report_tables import score_grid
from catenane.reporting.result import FinetuneResult, headlines, verdicts

__all__ = [
    "FinetuneResult", "Isotherms", "ReplicatesResult", "chemistry_groups", "headlines", "score_grid",
    "spread_grids", "summarise", "target_label", "verdicts", "write_ranking_page", "write_replicates_report",
    "write_report",
]  # fmt: skip
