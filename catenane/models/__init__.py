"""Whole networks, made from settings, and the folder a trained one lives in."""

from catenane.models.bundle import (
    Bundle,
    BundleConfig,
    bundled_names,
    find_bundle,
    load_bundle,
    read_card,
    save_bundle,
)
from catenane.models.encoder import TransformerEncoder
from catenane.models.masked_language_model import MaskedLanguageModel
from catenane.models.property_model import PropertyModel

__all__ = [
    "Bundle",
    "BundleConfig",
    "MaskedLanguageModel",
    "PropertyModel",
    "TransformerEncoder",
    "bundled_names",
    "find_bundle",
    "load_bundle",
    "read_card",
    "save_bundle",
]
