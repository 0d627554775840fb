"""Which heads attend to which functional groups, in ZINC strings: tables and figures for the guide.

    python benchmarks/groups.py [MODEL...]      # `mol-base` by default; a minute each

What `catenane groups` does with 1,000 strings. The table has, for groups in 30 strings or more, the head that
attends most to them with a corrected p below 0.01, beside all atoms and beside those that are written alike,
and the most that a head of the same network with random weights does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from catenane import load
from catenane.analysis import GroupAttention, group_attention, read_corpus, write_group_page
from catenane.analysis.enrichment import Enrichment
from catenane.data.inputs import open_inputs

HERE = Path(__file__).resolve().parent
IMAGES = HERE.parent / "docs" / "images"
CORPUS, SAMPLE = "smiles/zinc250k_part", 1000
FEWEST, SIGNIFICANT, CLEAR = 30, 0.01, 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", default=["mol-base"], metavar="MODEL")
    for model in parser.parse_args().models:
        name = Path(model).name
        corpus = read_corpus(open_inputs([CORPUS]), notation="smiles", sample=SAMPLE)
        found = group_attention(load(model), corpus.records)
        write_group_page(IMAGES / f"groups-{name}.svg", found, source=CORPUS, model_name=name)
        text = as_markdown(name, found)
        (HERE / "results" / f"groups-{name}.md").write_text(text, encoding="utf-8")
        print(text)


def as_markdown(name: str, found: GroupAttention) -> str:
    columns = ("trained", "trained, alike", "random weights", "random weights, alike")
    lines = [
        f"{name}, {found.n_read:,} ZINC strings, {len(found.groups)} groups; *alike*: beside atoms that are "
        "written alike.",
        "",
        f"| pairs of group and head | {' | '.join(columns)} |",
        "|---|---:|---:|---:|---:|",
        f"| more attention than chance | {_shares(found, 1.0)} |",
        f"| {CLEAR - 1:.0%} more or above | {_shares(found, CLEAR)} |",
        "",
        "| group | strings | head | attention | head, alike | attention | random weights | random, alike |",
        "|---|---:|---|---:|---|---:|---:|---:|",
    ]
    for place, group in enumerate(found.groups):
        if found.n_strings[group] < FEWEST:
            continue
        trained, alike, random, random_alike = (_strongest(each, place) for each in found.comparisons)
        cells = [group, f"{found.n_strings[group]:,}", *trained, *alike, random[1], random_alike[1]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shares(found: GroupAttention, least: float) -> str:
    shares = [
        np.mean((each.corrected_GYH < SIGNIFICANT) & (each.ratio_GYH > least)) for each in found.comparisons
    ]
    return " | ".join(f"{share:.0%}" for share in shares)


def _strongest(each: Enrichment, group: int) -> tuple[str, str]:
    ratio = np.where(each.corrected_GYH[group] < SIGNIFICANT, each.ratio_GYH[group], 0)
    layer, head = np.unravel_index(int(ratio.argmax()), ratio.shape)
    return (f"{layer + 1}.{head + 1}", f"{ratio.max():.2f}") if ratio.max() > 1 else ("", "–")


if __name__ == "__main__":
    main()
