"""What the settings of `catenane.hardware` are worth: masked pretraining steps of recipe `small`, as ratios.

    python benchmarks/training.py      # about two minutes; writes benchmarks/results/training.{json,md}

Each setting runs in a process of its own on the same batches, whose lengths are spread as those of MOFids.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
SETTINGS = {
    "as shipped": {},
    "oneDNN keeps 1,024 shapes, as it does by default": {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"},
    "fp32 instead of bf16": {"BENCHMARK_PRECISION": "fp32"},
}
STEPS = 40


def main() -> None:
    measured = {name: json.loads(in_a_process(extra)) for name, extra in SETTINGS.items()}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "training.json").write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "training.md").write_text(as_markdown(measured), encoding="utf-8")
    print(as_markdown(measured))


def in_a_process(extra: dict[str, str]) -> str:
    command = [sys.executable, __file__, "measure"]
    return subprocess.run(command, env=os.environ | extra, capture_output=True, text=True, check=True).stdout


def measure() -> dict[str, float]:
    """Padded tokens per processor second, and the largest memory, of some training steps."""
    import resource

    import torch

    from catenane.config import load_recipe
    from catenane.hardware import tune_cpu
    from catenane.models.encoder import TransformerEncoder
    from catenane.models.networks import MaskedLanguageModel

    tune_cpu()
    torch.manual_seed(0)
    recipe = load_recipe("small").with_settings({"encoder.vocabulary_size": 4000})
    model = MaskedLanguageModel(TransformerEncoder(recipe.encoder))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    bf16 = os.environ.get("BENCHMARK_PRECISION") != "fp32"
    lengths = np.random.default_rng(0).lognormal(4.4, 0.5, STEPS).clip(16, 384).astype(int)
    n_tokens, began = 0, time.process_time()
    for length in lengths.tolist():
        shape = (recipe.pretraining.batch_tokens // length, length)
        ids_BL, keep_BL = torch.randint(5, 4000, shape), torch.ones(shape, dtype=torch.bool)
        chosen_BL = torch.rand(shape) < 0.15
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = model(ids_BL, keep_BL, chosen_BL).float().logsumexp(-1).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        n_tokens += ids_BL.numel()
    seconds = time.process_time() - began
    # Linux counts kilobytes here, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "tokens_per_second": n_tokens / seconds,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9,
    }


def as_markdown(measured: dict[str, dict[str, Any]]) -> str:
    first = next(iter(measured.values()))
    lines = ["| setting | tokens per processor second | ratio | memory, GB |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {values['tokens_per_second']:,.0f} | "
        f"{values['tokens_per_second'] / first['tokens_per_second']:.2f} | {values['gigabytes']:.1f} |"
        for name, values in measured.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        print(json.dumps(measure()))
    else:
        main()
