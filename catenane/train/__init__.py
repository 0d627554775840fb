"""From strings and labels to trained models: pretraining, fine-tuning, reports."""

from catenane.train.finetuning import finetune
from catenane.train.fit import FittedModel, fit_property_model, infer_task
from catenane.train.pretraining import PretrainResult, pretrain
from catenane.train.tuning import TuningResult, tune

__all__ = [
    "FittedModel",
    "PretrainResult",
    "TuningResult",
    "finetune",
    "fit_property_model",
    "infer_task",
    "pretrain",
    "tune",
]
