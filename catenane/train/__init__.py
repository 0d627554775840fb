"""From strings and labels to trained models: pretraining, fine-tuning, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catenane.lazy import importer

if TYPE_CHECKING:
    from catenane.train.finetuning import finetune
    from catenane.train.fit import FittedModel, fit_property_model, infer_task
    from catenane.train.pretraining import PretrainResult, pretrain

__all__ = [
    "FittedModel",
    "PretrainResult",
    "finetune",
    "fit_property_model",
    "infer_task",
    "pretrain",
]

__getattr__ = importer(
    __name__,
    {
        "finetune": "catenane.train.finetuning",
        "FittedModel": "catenane.train.fit",
        "fit_property_model": "catenane.train.fit",
        "infer_task": "catenane.train.fit",
        "PretrainResult": "catenane.train.pretraining",
        "pretrain": "catenane.train.pretraining",
    },
)
