"""Whole networks, made from settings, and the folder a trained one lives in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catenane.lazy import importer

if TYPE_CHECKING:
    from catenane.models.bundle import KINDS, Bundle, BundleConfig, load_bundle, save_bundle
    from catenane.models.encoder import Encoder, TransformerEncoder
    from catenane.models.folder import bundled_names, find_bundle, read_card
    from catenane.models.gaussian_process import GaussianProcessHead
    from catenane.models.head import Conditions, Head
    from catenane.models.isotherm import IsothermHead
    from catenane.models.masked_language_model import MaskedLanguageModel
    from catenane.models.property_head import PropertyHead
    from catenane.models.property_model import PropertyModel

__all__ = [
    "KINDS",
    "Bundle",
    "BundleConfig",
    "Conditions",
    "Encoder",
    "GaussianProcessHead",
    "Head",
    "IsothermHead",
    "MaskedLanguageModel",
    "PropertyHead",
    "PropertyModel",
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
        **dict.fromkeys(
            ("KINDS", "Bundle", "BundleConfig", "load_bundle", "save_bundle"), "catenane.models.bundle"
        ),
        **dict.fromkeys(("Encoder", "TransformerEncoder"), "catenane.models.encoder"),
        **dict.fromkeys(("bundled_names", "find_bundle", "read_card"), "catenane.models.folder"),
        **dict.fromkeys(("Conditions", "Head"), "catenane.models.head"),
        "GaussianProcessHead": "catenane.models.gaussian_process",
        "IsothermHead": "catenane.models.isotherm",
        "MaskedLanguageModel": "catenane.models.masked_language_model",
        "PropertyHead": "catenane.models.property_head",
        "PropertyModel": "catenane.models.property_model",
    },
)
