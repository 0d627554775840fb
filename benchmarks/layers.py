"""What our own dropout and written-out attention are worth on a CPU, beside PyTorch's, as ratios.

    python benchmarks/layers.py      # about five minutes; writes benchmarks/results/layers.{json,md}

Each instruction set has a process of its own, with one thread. Within it the contenders take turns and the
best of many turns counts, in processor time, since a busy neighbour only ever slows. A ratio is PyTorch's
time over ours: above one, ours is faster. Before the clock starts outputs are compared where they are not
random.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from catenane.config import load_recipe
from catenane.models.encoder import TransformerEncoder
from catenane.nn import AttentionMask, Dropout, FullAttention, full_attention, rotate

RESULTS = Path(__file__).parent / "results"
INSTRUCTION_SETS = {
    "native": {},
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
}
TURNS = 15
SHAPES = {"short": (32, 40), "MOFid": (16, 96), "long": (2, 384)}
"""Strings and tokens of a batch."""
N_HEADS, D_HEAD, D_HIDDEN, SHARE = 6, 32, 512, 0.1
"""As in recipe `small`."""


class OneAttention(FullAttention):
    """Attention that is always computed in one way: written out, or by the kernel that PyTorch chooses."""

    def __init__(self, share: float, *, written_out: bool) -> None:
        super().__init__(share)
        self.written_out = written_out

    def forward(self, q_BHLD: Tensor, k_BHSD: Tensor, v_BHSD: Tensor, **given: Any) -> tuple[Tensor, None]:
        """As in `FullAttention`, without a cache."""
        if given.get("rotation") is not None:
            q_BHLD, k_BHSD = rotate(q_BHLD, given["rotation"]), rotate(k_BHSD, given["key_rotation"])
        mask = given["mask"].allowed(q_BHLD.shape[2], k_BHSD.shape[2], q_BHLD.device)
        if self.written_out:
            return full_attention(q_BHLD, k_BHSD, v_BHSD, mask, self.dropout)[0], None
        share = SHARE if self.training else 0.0
        mixed_BHLD = scaled_dot_product_attention(q_BHLD, k_BHSD, v_BHSD, attn_mask=mask, dropout_p=share)
        return mixed_BHLD, None


def main() -> None:
    measured = {name: json.loads(in_a_process(extra)) for name, extra in INSTRUCTION_SETS.items()}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "layers.json").write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "layers.md").write_text(as_markdown(measured), encoding="utf-8")
    print(as_markdown(measured))


def in_a_process(extra: dict[str, str]) -> str:
    command = [sys.executable, __file__, "measure"]
    return subprocess.run(command, env=os.environ | extra, capture_output=True, text=True, check=True).stdout


def measure() -> dict[str, Any]:
    """Milliseconds of every contender in every case."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    native_bf16 = os.environ.get("ATEN_CPU_CAPABILITY") != "avx2" and torch.cpu._is_avx512_bf16_supported()
    dtypes = [torch.float32, *([torch.bfloat16] if native_bf16 else [])]
    cases: dict[str, dict[str, float]] = {}
    for shape_name, shape in SHAPES.items():
        for dtype in dtypes:
            where = f"{shape_name}, {'bf16' if dtype == torch.bfloat16 else 'fp32'}"
            cases[f"dropout, {where}"] = best(dropout_contenders(shape, dtype))
            for name, contenders in attention_contenders(shape, dtype).items():
                cases[f"{name}, {where}"] = best(contenders)
            for name, contenders in encoder_contenders(shape, dtype).items():
                cases[f"{name}, {where}"] = best(contenders, turns=6)
    return {
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "milliseconds": cases,
    }


def best(contenders: dict[str, Callable[[], object]], turns: int = TURNS) -> dict[str, float]:
    """The shortest of many interleaved turns of each, in milliseconds."""
    shortest = dict.fromkeys(contenders, float("inf"))
    for turn in range(turns + 1):
        for name, work in contenders.items():
            began = time.process_time()
            work()
            if turn:  # the first one warms up
                shortest[name] = min(shortest[name], 1000 * (time.process_time() - began))
    return shortest


def dropout_contenders(shape: tuple[int, int], dtype: torch.dtype) -> dict[str, Callable[[], object]]:
    """Forward and backward on the hidden layer of a feed-forward part."""
    x = torch.randn(*shape, D_HIDDEN, dtype=dtype, requires_grad=True)

    def run(layer: nn.Module) -> None:
        layer(x).sum().backward()

    return {"ours": lambda: run(Dropout(SHARE)), "PyTorch": lambda: run(nn.Dropout(SHARE))}


def attention_contenders(
    shape: tuple[int, int], dtype: torch.dtype
) -> dict[str, dict[str, Callable[[], object]]]:
    """Inference, and forward and backward with dropout, on a batch with padding."""
    n_strings, length = shape
    q, k, v = (
        torch.randn(n_strings, N_HEADS, length, D_HEAD, dtype=dtype, requires_grad=True) for _ in range(3)
    )
    lengths = torch.linspace(0.9 * length, length, n_strings).long()
    mask = AttentionMask(keep_BS=torch.arange(length) < lengths[:, None])
    kernels = {name: OneAttention(SHARE, written_out=name == "ours") for name in ("ours", "PyTorch")}

    def infer(kernel: nn.Module) -> Tensor:
        with torch.inference_mode():
            mixed_BHLD: Tensor = kernel.eval()(q, k, v, mask=mask)[0]
        return mixed_BHLD

    def train(kernel: nn.Module) -> None:
        kernel.train()(q, k, v, mask=mask)[0].sum().backward()

    torch.testing.assert_close(infer(kernels["ours"]), infer(kernels["PyTorch"]), atol=3e-2, rtol=3e-2)
    return {
        "attention, inference": {name: lambda k=kernel: infer(k) for name, kernel in kernels.items()},
        "attention, training": {name: lambda k=kernel: train(k) for name, kernel in kernels.items()},
    }


def encoder_contenders(
    shape: tuple[int, int], dtype: torch.dtype
) -> dict[str, dict[str, Callable[[], object]]]:
    """The encoder of `small`, with one part or the other replaced by PyTorch's."""
    config = load_recipe("small").with_settings({"encoder.vocabulary_size": 400}).encoder
    ids_BL = torch.randint(5, 400, shape)
    lengths = torch.linspace(0.9 * shape[1], shape[1], shape[0]).long()
    keep_BL = torch.arange(shape[1]) < lengths[:, None]

    def encoder(*, dropout: bool, written_out: bool) -> TransformerEncoder:
        torch.manual_seed(0)
        made = TransformerEncoder(config)
        for module in list(made.modules()):
            if isinstance(getattr(module, "kernel", None), FullAttention):
                module.kernel = OneAttention(SHARE, written_out=written_out)
        for module in list(made.modules()):
            if not dropout and isinstance(getattr(module, "dropout", None), Dropout):
                module.dropout = nn.Dropout(SHARE)
        return made

    def step(made: TransformerEncoder) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            states_BLD = made.train()(ids_BL, keep_BL)
        states_BLD.float().square().mean().backward()

    def infer(made: TransformerEncoder) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16), torch.inference_mode():
            made.eval()(ids_BL, keep_BL)

    made = {
        "ours": encoder(dropout=True, written_out=True),
        "PyTorch's dropout": encoder(dropout=False, written_out=True),
        "PyTorch's attention": encoder(dropout=True, written_out=False),
    }
    readers = {name: model for name, model in made.items() if name != "PyTorch's dropout"}
    return {
        "encoder, training": {name: lambda m=model: step(m) for name, model in made.items()},
        "encoder, inference": {name: lambda m=model: infer(m) for name, model in readers.items()},
    }


def as_markdown(measured: dict[str, dict[str, Any]]) -> str:
    lines = ["Ours is used in training; inference uses PyTorch's attention.", ""]
    for name, found in measured.items():
        lines += [
            f"{name}: {found['capability']}, torch {found['torch']}, one thread",
            "",
            "| case | ours, ms | replaced by | ms | ratio |",
            "|---|---:|---|---:|---:|",
        ]
        for case, milliseconds in found["milliseconds"].items():
            ours = milliseconds["ours"]
            lines += [
                f"| {case} | {ours:.2f} | {other} | {value:.2f} | {value / ours:.2f} |"
                for other, value in milliseconds.items()
                if other != "ours"
            ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        print(json.dumps(measure()))
    else:
        main()
