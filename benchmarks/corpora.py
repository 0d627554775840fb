"""What corpora of pretraining cost: memory and pace from 1e5 to 5e7 strings, and what 1.1 billion need.

    python benchmarks/corpora.py      # a minute of one core; writes benchmarks/results/corpora.{json,md}

Prepared are real molecules, read, canonicalised and tokenised; their shards, repeated, stand for larger
corpora, which need 5 GB of disk for the time of the run. Times are processor seconds of one core. Each size
is measured in a process of its own, by batches of recipe molformer: masked tokens of strings of like length,
from the beginning of an epoch and from its middle.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from catenane.data import open_corpus, write_corpus
from catenane.data.corpus import BEGINS_FILE, FORMAT, IDS_FILE, LENGTHS_FILE, STRIDE, CorpusFile
from catenane.data.streams import open_strings
from catenane.files import write_json
from catenane.tokenizers import load_tokenizer

RESULTS = Path(__file__).parent / "results"
SOURCES = ("smiles/chembl_mix", "smiles/zinc_100k")
PREPARED = 20_000
SIZES = (100_000, 1_000_000, 10_000_000, 50_000_000)
BATCHES, AGAIN = 3000, 50
"""Batches that are made from the beginning of an epoch, and from its middle."""
FREE_GB = 25
BILLION = 1_100_000_000
PEAK, SHARE = 989e12, 0.3
"""Assumed of the GPU: the peak of an NVIDIA H100 in bf16, in FLOP/s, and what training reaches of it."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="corpora-") as name:
        folder = Path(name)
        if shutil.disk_usage(folder).free < FREE_GB * 1e9:
            raise SystemExit(f"{folder}: the benchmark needs {FREE_GB} GB of free disk")
        prepared = prepare(folder)
        batches = {}
        for size in SIZES:
            repeat(folder / "prepared", folder / "repeated", size)
            command = [sys.executable, __file__, "measure", str(folder / "repeated")]
            found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            batches[str(size)] = json.loads(found)
            print(size, batches[str(size)], flush=True)
            shutil.rmtree(folder / "repeated")
    result = {"prepared": prepared, "batches": batches, "billion": needs(prepared, batches)}
    write_json(RESULTS / "corpora.json", result)
    (RESULTS / "corpora.md").write_text(as_markdown(result), encoding="utf-8")
    print(as_markdown(result))


def prepare(folder: Path) -> dict[str, float]:
    """The true way of real molecules, in this process alone; and how fast rows are read for workers."""
    rows = []
    for source in SOURCES:
        table, column = open_strings(source, None, None)
        rows += [item[1][0] for item in table.rows([column])]
    chosen = np.random.default_rng(0).choice(len(rows), PREPARED, replace=False)
    path = folder / "molecules.smi"
    path.write_text("".join(f"{rows[i]}\n" for i in chosen), encoding="utf-8")
    began = time.process_time()
    table, column = open_strings(path, None, None)
    n_read = sum(1 for _ in table.rows([column]))
    reading = time.process_time() - began
    began = time.process_time()
    corpus = write_corpus(folder / "prepared", [path], load_tokenizer("smiles"), max_length=202, workers=1)
    seconds = time.process_time() - began
    counts = corpus.index.counts
    size = sum(file.bytes for name, file in corpus.index.files.items() if not name.startswith("rejected"))
    return {
        "rows": n_read,
        "strings": counts.strings,
        "tokens_per_string": counts.tokens / counts.strings,
        "bytes_per_string": size / counts.strings,
        "strings_per_second": counts.strings / seconds,
        "rows_read_per_second": n_read / reading,
    }


def repeat(small: Path, large: Path, n_strings: int) -> None:
    """A corpus of the strings of another one over and over, as the same files would hold them."""
    corpus = open_corpus(small)
    taken = corpus.take(np.arange(len(corpus)))
    lengths = np.diff(taken.offsets)
    index, counts = corpus.index, corpus.index.counts
    index.files, counts.strings, counts.tokens = {}, 0, 0
    large.mkdir()
    per_shard = (1 << 28) // len(taken.ids)
    while counts.strings < n_strings:
        n = min(len(corpus), n_strings - counts.strings)
        shard = f"{counts.strings // (per_shard * len(corpus)):05d}{IDS_FILE}"
        begins = taken.offsets[:n][-counts.strings % STRIDE :: STRIDE] + counts.tokens
        ids = taken.ids[: taken.offsets[n]]
        parts = {shard: ids, LENGTHS_FILE: lengths[:n].astype("<u2"), BEGINS_FILE: begins}
        for name, numbers in parts.items():
            mark = index.files.setdefault(name, CorpusFile())
            with (large / name).open("ab") as file:
                file.write(numbers.tobytes())
            mark.bytes += numbers.nbytes
        counts.strings, counts.tokens = counts.strings + n, counts.tokens + len(ids)
    write_json(large / "index.json", {"format": FORMAT, "index": asdict(index)})


def measure(folder: Path) -> dict[str, float]:
    """Start and pace of the batches of a corpus, and the most memory that is taken between them."""
    import torch

    from catenane.config import load_recipe
    from catenane.objectives import make_objective
    from catenane.train.pretraining import PretrainingTask

    torch.set_num_threads(1)
    tokenizer = load_tokenizer("smiles")
    recipe = load_recipe("molformer").with_settings({"encoder.vocabulary_size": tokenizer.vocabulary_size})
    before, began = memory(), time.process_time()
    corpus = open_corpus(folder)
    objective = make_objective(recipe, tokenizer)
    task = PretrainingTask(torch.nn.Identity(), corpus, objective, seed=0)
    started = time.process_time() - began
    most, tokens, padded = memory(), 0, 0
    began = time.process_time()
    for start, n in ((0, BATCHES), (task.n_batches() // 2, AGAIN)):
        stream = task.batches(1, start, lambda _: True)
        for _ in range(min(n, task.n_batches() - start)):
            ids_BL, keep_BL = next(stream).inputs[:2]
            tokens, padded = tokens + int(keep_BL.sum()), padded + ids_BL.numel()
            most = max(most, memory())
        stream.close()
    return {
        "start_seconds": started,
        "batches": task.n_batches(),
        "tokens_per_second": tokens / (time.process_time() - began),
        "padding": 1 - tokens / padded,
        "memory_mb": (most - before) / 1e6,
    }


def memory() -> int:
    """Bytes of this process that no file can give back, which mapped shards are not part of."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) * 1024


def needs(prepared: dict[str, float], batches: dict[str, Any]) -> dict[str, float]:
    """Of 1.1 billion molecules of the same lengths, one epoch of recipe molformer."""
    from catenane.config import load_recipe
    from catenane.models.encoder import TransformerEncoder

    shape = load_recipe("molformer").with_settings({"encoder.vocabulary_size": 2400}).encoder
    weights = sum(each.numel() for each in TransformerEncoder(shape).parameters()) - 2400 * shape.d_model
    tokens = BILLION * prepared["tokens_per_string"]
    last = batches[str(SIZES[-1])]
    return {
        "disk_gb": BILLION * prepared["bytes_per_string"] / 1e9,
        "core_hours": BILLION / prepared["strings_per_second"] / 3600,
        "workers_per_reader": prepared["rows_read_per_second"] / prepared["strings_per_second"],
        "start_seconds": last["start_seconds"] * BILLION / SIZES[-1],
        "batch_core_hours": tokens / last["tokens_per_second"] / 3600,
        "weights": weights,
        "gpu_hours": 6 * weights * tokens / (PEAK * SHARE) / 3600,
        "tokens": tokens,
        "share_of_peak": SHARE,
    }


def as_markdown(result: dict[str, Any]) -> str:
    prepared, batches, billion = result["prepared"], result["batches"], result["billion"]
    first = batches[str(SIZES[0])]["tokens_per_second"]
    lines = [
        "| strings | start, s | batches | tokens per processor second | ratio | padding | memory, MB |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size, found in batches.items():
        pace = found["tokens_per_second"]
        lines.append(
            f"| {int(size):,} | {found['start_seconds']:.2f} | {found['batches']:,} | {pace:,.0f} | "
            f"{pace / first:.2f} | {found['padding']:.1%} | {found['memory_mb']:.0f} |"
        )
    lines += [
        "",
        f"{prepared['rows']:,} real molecules were prepared; all sizes repeat their shards. Preparation: "
        f"{prepared['strings_per_second']:,.0f} molecules per core and second, "
        f"{prepared['tokens_per_string']:.1f} tokens and {prepared['bytes_per_string']:.1f} bytes each; "
        f"rows are read {billion['workers_per_reader']:.0f} times as fast as one worker takes them.",
        "",
        "| 1.1 billion such molecules need | |",
        "|---|---:|",
        f"| disk for shards, GB | {billion['disk_gb']:,.0f} |",
        f"| preparation, core hours | {billion['core_hours']:,.0f} |",
        f"| start of a run, s on each rank | {billion['start_seconds']:,.0f} |",
        f"| batches of an epoch, core hours | {billion['batch_core_hours']:,.1f} |",
        f"| training for an epoch, GPU hours | {billion['gpu_hours']:,.0f} |",
        "",
        "GPU hours are not measured: they are 6 operations for each of the "
        f"{billion['weights'] / 1e6:.0f} million weights and {billion['tokens'] / 1e9:.0f} billion tokens, "
        f"on an NVIDIA H100 that reaches {billion['share_of_peak']:.0%} of its {PEAK / 1e12:.0f} TFLOP/s in "
        "bf16.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(Path(sys.argv[2]))))
    else:
        main()
