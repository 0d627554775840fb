"""Whole networks, made from settings."""

from catenane.models.encoder import Encoder
from catenane.models.masked_language_model import MaskedLanguageModel
from catenane.models.property_model import PropertyModel

__all__ = ["Encoder", "MaskedLanguageModel", "PropertyModel"]
