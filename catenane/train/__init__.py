"""From strings and labels to trained models: pretraining, fine-tuning, reports."""

from catenane.train.finetuning import finetune
from catenane.train.fit import FittedModel, fit_property_model, tell_task
from catenane.train.pretraining import PretrainResult, pretrain
from catenane.train.result import FinetuneResult, summary_lines

__all__ = [
    "FinetuneResult",
    "FittedModel",
    "PretrainResult",
    "finetune",
    "fit_property_model",
    "pretrain",
    "summary_lines",
    "tell_task",
]
