"""What full and linear attention cost by length, in time and memory, and from which length on linear pays.

    python benchmarks/attention.py      # about five minutes; writes benchmarks/results/attention.{json,md}

Measured is the attention part of one block, projections included, with rotary positions in float32 and one
thread, on batches of 4,096 tokens, or one string of 8,192. Of several turns the shortest counts, in processor
time, divided by the number of strings. Memory is what a process grows by at most. The slope is that of log
cost against log length from 128 tokens on, by least squares: 1 is linear. Full attention with more than
`LARGEST` bytes of weights is left out in training.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from catenane.config import EncoderConfig, load_recipe
from catenane.models.encoder import TransformerEncoder

RESULTS = Path(__file__).parent / "results"
WIDTHS = {"molformer": "molformer", "ours": "small"}
"""Recipes whose width, heads and dropout are measured."""
BATCH, LENGTHS, SLOPE_FROM = 4096, tuple(2**power for power in range(5, 14)), 128
LARGEST = 1 << 29
SECONDS = 0.5
"""Turns of a case stop after so long, and after two at least."""
M_MMAP_THRESHOLD = -3
"""Of `mallopt(3)`: larger blocks are mapped one by one."""


def main() -> None:
    torch.set_num_threads(1)
    measured: dict[str, Any] = {
        "torch": torch.__version__, "machine": platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(), "tokens": BATCH, "cases": [],
    }  # fmt: skip
    for width, name in WIDTHS.items():
        config = replace(load_recipe(name).encoder, vocabulary_size=8, n_layers=1, positions="rotary")
        for training in (False, True):
            for length in LENGTHS:
                for attention in ("full", "linear"):
                    weights = 4 * config.n_heads * length * max(BATCH, length)
                    if attention == "full" and training and weights > LARGEST:
                        continue
                    work = attend(
                        replace(config, attention=attention, max_length=max(LENGTHS)), length, training
                    )
                    ms, mb = measure(work)
                    share = 1 / max(1, BATCH // length)
                    found = {"width": width, "d_model": config.d_model, "n_heads": config.n_heads,
                             "training": training, "attention": attention, "length": length,
                             "ms": ms * share, "mb": mb * share}  # fmt: skip
                    print(found, flush=True)
                    measured["cases"].append(found)
    measured["slopes"] = slopes(measured["cases"])
    measured["linear_pays_from"] = crossings(measured["cases"])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "attention.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "attention.md").write_text(as_markdown(measured), encoding="utf-8")
    print(as_markdown(measured))


def attend(config: EncoderConfig, length: int, training: bool) -> Callable[[], None]:
    """One pass of the attention part over a batch, backwards too in training."""
    torch.manual_seed(0)
    encoder = TransformerEncoder(config).train(training)
    assert encoder.rotation is not None
    part, rotation = encoder.blocks[0].attention, encoder.rotation(torch.arange(length))
    x_BLD = torch.randn(max(1, BATCH // length), length, config.d_model, requires_grad=training)

    def run() -> None:
        with torch.set_grad_enabled(training):
            mixed_BLD, _ = part(x_BLD, rotation=rotation)
            if training:
                mixed_BLD.sum().backward()

    return run


def measure(work: Callable[[], None]) -> tuple[float, float]:
    """Milliseconds of the shortest turn, and by how many MB a process that does the work grows at most."""
    return in_child(lambda: shortest_turn(work)), in_child(lambda: growth(work))


def in_child(figure: Callable[[], float]) -> float:
    """A figure that a forked process found: nothing that was measured before is left in its memory."""
    reader, writer = os.pipe()
    if not (child := os.fork()):
        os.write(writer, json.dumps(figure()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    found = float(json.loads(os.read(reader, 256)))
    os.close(reader)
    return found


def shortest_turn(work: Callable[[], None]) -> float:
    work()  # warms up
    turns: list[float] = []
    while len(turns) < 2 or sum(turns) < 1000 * SECONDS:
        began = time.process_time()
        work()
        turns.append(1000 * (time.process_time() - began))
    return min(turns)


def growth(work: Callable[[], None]) -> float:
    """With tensors that go back to the system when they are freed, so that the heap hides none of them."""
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_THRESHOLD, 1 << 16)
    libc.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before


def resident(which: str) -> float:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(which))
    return int(line.split()[1]) / 1024


def slopes(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Exponent of time and memory in length."""
    found = []
    for width in WIDTHS:
        for training in (False, True):
            for attention in ("full", "linear"):
                chosen = [c for c in pick(cases, width, training, attention) if c["length"] >= SLOPE_FROM]
                x = np.log([c["length"] for c in chosen])
                fits = {
                    key: float(np.polyfit(x, np.log([c[key] for c in chosen]), 1)[0]) for key in ("ms", "mb")
                }
                found.append({"width": width, "training": training, "attention": attention, **fits})
    return found


def crossings(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The shortest measured length from which on linear attention is the faster one; None if it never is."""
    found = []
    for width in WIDTHS:
        for training in (False, True):
            full = {c["length"]: c["ms"] for c in pick(cases, width, training, "full")}
            linear = {c["length"]: c["ms"] for c in pick(cases, width, training, "linear")}
            slower = [length for length in full if linear[length] >= full[length]]
            after = [length for length in full if length > max(slower, default=0)]
            found.append({"width": width, "training": training, "length": min(after, default=None)})
    return found


def pick(cases: list[dict[str, Any]], width: str, training: bool, attention: str) -> list[dict[str, Any]]:
    wanted = {"width": width, "training": training, "attention": attention}
    return [case for case in cases if wanted.items() <= case.items()]


def as_markdown(measured: dict[str, Any]) -> str:
    lines = [
        f"torch {measured['torch']}, {measured['capability']}, one thread, float32; processor time and "
        "memory for each string; attention part of one block.",
        "",
    ]
    for slope_full, slope_linear, crossing in zip(
        measured["slopes"][::2], measured["slopes"][1::2], measured["linear_pays_from"], strict=True
    ):
        width, training = crossing["width"], crossing["training"]
        full = {c["length"]: c for c in pick(measured["cases"], width, training, "full")}
        linear = pick(measured["cases"], width, training, "linear")
        lines += [
            f"**{width}**, width {linear[0]['d_model']}, {linear[0]['n_heads']} heads, "
            f"{'training' if training else 'inference'}: linear pays from {crossing['length']} tokens",
            "",
            "| tokens | full, ms | linear, ms | full / linear | full, MB | linear, MB |",
            "|---:|---:|---:|---:|---:|---:|",
        ]
        for case in linear:
            other = full.get(case["length"])
            cells = [
                f"{case['length']:,}",
                *([f"{other['ms']:.2f}"] if other else ["-"]),
                f"{case['ms']:.2f}",
            ]
            cells += [f"{other['ms'] / case['ms']:.2f}" if other else "-"]
            cells += [f"{other['mb']:.2f}" if other else "-", f"{case['mb']:.2f}"]
            lines.append(f"| {' | '.join(cells)} |")
        ends = [f"{slope[key]:.2f}" for key in ("ms", "mb") for slope in (slope_full, slope_linear)]
        lines += [f"| slope | {ends[0]} | {ends[1]} | | {ends[2]} | {ends[3]} |", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
