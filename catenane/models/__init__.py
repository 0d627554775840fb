"""Whole networks, made from settings, and the folder a trained one lives in: import from the modules."""
