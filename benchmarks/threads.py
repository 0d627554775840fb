"""What it costs and saves that threads of OpenMP sleep while they wait: training steps of `small`, as ratios.

    python benchmarks/threads.py      # about three minutes; writes benchmarks/results/threads.{json,md}

Each setting runs in a process of its own, alone and beside processes that keep every core but one busy. The
machine should have nothing else to do: the load before the run is written down.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
SETTINGS = {
    "spinning, as by default": {},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "passive after 1,000 spins, as shipped": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"},
    "passive after 10,000 spins": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"},
    "passive after 100,000 spins": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "100000"},
    "one thread": {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"},
}
SHAPES = {"50 strings of 24 tokens": (50, 24), "128 strings of 48 tokens": (128, 48)}
REPEATS, SECONDS = 3, 4.0


def main() -> None:
    load = os.getloadavg()[0]
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for _ in range(REPEATS):
        for company in ("alone", "beside a busy neighbour"):
            n_busy = max(1, (os.cpu_count() or 2) - 1) if company != "alone" else 0
            neighbours = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n_busy)]
            try:
                for setting, extra in SETTINGS.items():
                    for shape, milliseconds in in_a_process(extra).items():
                        rows = found.setdefault(f"{shape}, {company}", {})
                        rows.setdefault(setting, []).append(milliseconds)
            finally:
                for neighbour in neighbours:
                    neighbour.kill()
                    neighbour.wait()
    medians = {
        case: {name: statistics.median(times) for name, times in rows.items()} for case, rows in found.items()
    }
    result = {"cores": os.cpu_count(), "load_before": load, "milliseconds_per_step": medians}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "threads.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "threads.md").write_text(as_markdown(medians), encoding="utf-8")
    print(as_markdown(medians))


def in_a_process(extra: dict[str, str]) -> dict[str, float]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, __file__, "measure"]
    done = subprocess.run(command, env=inherited | extra, capture_output=True, text=True, check=True)
    times: dict[str, float] = json.loads(done.stdout)
    return times


def measure() -> dict[str, float]:
    """Median milliseconds of a training step, by shape of the batch."""
    import torch  # before catenane, which would set the policy

    from catenane.config import load_recipe
    from catenane.models.encoder import TransformerEncoder
    from catenane.models.networks import MaskedLanguageModel

    torch.manual_seed(0)
    recipe = load_recipe("small").with_settings({"encoder.vocabulary_size": 4000})
    model = MaskedLanguageModel(TransformerEncoder(recipe.encoder))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    medians = {}
    for name, shape in SHAPES.items():
        ids_BL, keep_BL = torch.randint(5, 4000, shape), torch.ones(shape, dtype=torch.bool)
        chosen_BL = torch.rand(shape) < 0.15
        times: list[float] = []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end or len(times) < 4:
            began = time.monotonic()
            model(ids_BL, keep_BL, chosen_BL).float().logsumexp(-1).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            times.append(time.monotonic() - began)
        medians[name] = 1000 * statistics.median(times[1:])
    return medians


def as_markdown(medians: dict[str, dict[str, float]]) -> str:
    lines = ["| batch | threads wait | ms per step | ratio to spinning |", "|---|---|---:|---:|"]
    for case, rows in medians.items():
        first = next(iter(rows.values()))
        lines += [f"| {case} | {name} | {ms:,.0f} | {ms / first:.2f} |" for name, ms in rows.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        print(json.dumps(measure()))
    else:
        main()
