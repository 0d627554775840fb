"""Contrastive loss: two spellings of one structure have similar embeddings, those of others do not.

Axes: B strings, L tokens, D width of the stream.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from torch.nn.utils.rnn import pad_sequence

from catenane.data import StringBatch
from catenane.errors import NotationError
from catenane.notation import detect_notation, respell
from catenane.objectives.objective import Inputs, Objective
from catenane.tokenizers import StringTokenizer

__all__ = ["Consistency", "Pairs", "consistency_loss", "respelled"]


class Pairs(NamedTuple):
    """Each string of a batch in two spellings, the same row for the same structure."""

    one: Inputs
    other: Inputs

    @property
    def weight(self) -> float:
        """Structures."""
        return len(self.one[0])

    def to(self, device: torch.device) -> Pairs:
        """The same on another device."""
        return Pairs(*((ids_BL.to(device), keep_BL.to(device)) for ids_BL, keep_BL in self))


class Consistency(Objective):
    """Find the other spelling of a structure among those of all structures of the batch."""

    figures = ("loss", "agreement")

    def examples(self, batch: StringBatch, generator: torch.Generator) -> Pairs:
        """Every string twice, each time spelled at random."""
        encoder, tokenizer = self.recipe.encoder, self.tokenizer
        return Pairs(*(respelled(batch, tokenizer, encoder.max_length, generator) for _ in Pairs._fields))

    def auxiliary(self, batch: StringBatch, generator: torch.Generator, read: Inputs) -> Pairs:
        """What is read already, and one spelling at random."""
        encoder, tokenizer = self.recipe.encoder, self.tokenizer
        return Pairs(read, respelled(batch, tokenizer, encoder.max_length, generator))

    def loss(self, network: Any, examples: Pairs) -> Tensor:
        """See `consistency_loss`."""
        return consistency_loss(*self._embed(network, examples))

    def measure(self, network: Any, examples: Pairs) -> dict[str, Tensor]:
        """Loss, and the share of structures whose other spelling is the nearest."""
        one_BD, other_BD = self._embed(network, examples)
        nearest_B = (normalize(one_BD, dim=-1) @ normalize(other_BD, dim=-1).T).argmax(dim=1)
        right_B = nearest_B == torch.arange(len(nearest_B), device=nearest_B.device)
        return {"loss": consistency_loss(one_BD, other_BD), "agreement": right_B.float().mean()}

    def _embed(self, network: Any, examples: Pairs) -> tuple[Tensor, Tensor]:
        encode, pooling = network.encoder.encode, self.recipe.head.pooling
        return encode(examples.one, pooling), encode(examples.other, pooling)


def consistency_loss(one_BD: Tensor, other_BD: Tensor, temperature: float = 0.1) -> Tensor:
    """Mean cross-entropy of the other spelling among those of the whole batch, by cosine, in nats.

    Embeddings that are all alike give log B, the loss of chance; spellings that lie together, apart from all
    others, give zero.

    Source: Chen et al. 2020, arXiv:2002.05709, eq. 1 (one view against the other alone).
    """
    cosines_BB = normalize(one_BD.float(), dim=-1) @ normalize(other_BD.float(), dim=-1).T / temperature
    rows_B = torch.arange(len(cosines_BB), device=cosines_BB.device)
    return (cross_entropy(cosines_BB, rows_B) + cross_entropy(cosines_BB.T, rows_B)) / 2


def respelled(
    batch: StringBatch, tokenizer: StringTokenizer, max_length: int, generator: torch.Generator
) -> Inputs:
    """Ids and real tokens of the strings of a batch, spelled at random.

    Stays as it is what holds unknown tokens or several strings, or was cut so that it cannot be read.
    """
    seeds = torch.randint(2**31 - 1, (len(batch.ids_BL),), generator=generator).tolist()
    lengths = batch.keep_BL.sum(dim=1).tolist()
    given = [ids[:length] for ids, length in zip(batch.ids_BL.tolist(), lengths, strict=True)]
    strings = {}
    for row, (ids, seed) in enumerate(zip(given, seeds, strict=True)):
        if tokenizer.unk_id not in ids and ids.count(tokenizer.sep_id) < 2:
            with suppress(NotationError):
                text = tokenizer.decode(ids)
                strings[row] = respell(text, detect_notation([text]), seed)
    spelled = dict(zip(strings, tokenizer.encode(list(strings.values()), max_length), strict=True))
    rows = [torch.tensor(spelled.get(row, ids)) for row, ids in enumerate(given)]
    keep_BL = pad_sequence([torch.ones_like(row, dtype=torch.bool) for row in rows], batch_first=True)
    return pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad_id), keep_BL
