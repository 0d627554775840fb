"""Settings for runs of seconds."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def smallest() -> dict[str, object]:
    """Recipe settings for runs of a few seconds."""
    return {
        "encoder.d_model": 16,
        "encoder.n_layers": 1,
        "encoder.n_heads": 2,
        "encoder.d_hidden": 16,
        "encoder.max_length": 128,
        "head.hidden": [16],
        "pretraining.precision": "fp32",
        "finetuning.precision": "fp32",
    }
