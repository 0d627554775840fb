"""Whole networks, made from settings, and the folder a trained one lives in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catenane.lazy import importer

if TYPE_CHECKING:
    from catenane.models.bundle import KINDS, Bundle, BundleConfig, load_bundle, save_bundle
    from catenane.models.encoder import TransformerEncoder
    from catenane.models.folder import bundled_names, find_bundle, read_card
    from catenane.models.gaussian_process import GaussianProcessHead
    from catenane.models.head import Conditions, Head
    from catenane.models.heads import ClassificationHead, IsothermHead, RegressionHead
    from catenane.models.masked_language_model import MaskedLanguageModel
    from catenane.models.property_head import PropertyHead
    from catenane.models.property_model import PropertyModel
    from catenane.models.protocols import Encoder

__all__ = [
    "KINDS",
    "Bundle",
    "BundleConfig",
    "ClassificationHead",
    "Conditions",
    "Encoder",
    "GaussianProcessHead",
    "Head",
    "IsothermHead",
    "MaskedLanguageModel",
    "PropertyHead",
    "PropertyModel",
    "RegressionHead",
    "TransformerEncoder",
    "bundled_names",
    "find_bundle",
    "load_bundle",
    "read_card",
    "save_bundle",
]

__getattr__ = importer(
    __name__,
    {
        "KINDS": "catenane.models.bundle",
        "Bundle": "catenane.models.bundle",
        "BundleConfig": "catenane.models.bundle",
        "load_bundle": "catenane.models.bundle",
        "save_bundle": "catenane.models.bundle",
        "TransformerEncoder": "catenane.models.encoder",
        "bundled_names": "catenane.models.folder",
        "find_bundle": "catenane.models.folder",
        "read_card": "catenane.models.folder",
        "ClassificationHead": "catenane.models.heads",
        "IsothermHead": "catenane.models.heads",
        "RegressionHead": "catenane.models.heads",
        "GaussianProcessHead": "catenane.models.gaussian_process",
        "Head": "catenane.models.head",
        "MaskedLanguageModel": "catenane.models.masked_language_model",
        "Conditions": "catenane.models.head",
        "PropertyHead": "catenane.models.property_head",
        "PropertyModel": "catenane.models.property_model",
        "Encoder": "catenane.models.protocols",
    },
)
