"""Whole networks, made from settings, and the folder a trained one lives in."""

from catenane.models.bundle import KINDS, Bundle, BundleConfig, load_bundle, save_bundle
from catenane.models.encoder import TransformerEncoder
from catenane.models.folder import bundled_names, find_bundle, read_card
from catenane.models.heads import ClassificationHead, IsothermHead, RegressionHead
from catenane.models.masked_language_model import MaskedLanguageModel
from catenane.models.property_head import Conditions, PropertyHead
from catenane.models.property_model import PropertyModel
from catenane.models.protocols import Encoder

__all__ = [
    "KINDS",
    "Bundle",
    "BundleConfig",
    "ClassificationHead",
    "Conditions",
    "Encoder",
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
