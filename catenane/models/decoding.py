"""Tokens written one after the other: by the likeliest at each step, by a beam, or drawn at random.

Axes: B strings that are read, R rows that are written, some of one string, S tokens that are read, V
vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from catenane.models.decoder import SequenceModel
from catenane.nn import AttentionMask, Memory

__all__ = ["Decoding", "Prompt", "TokenState", "Written", "decode"]


MOST_SORTED = 64
"""Tokens of a nucleus, if they suffice."""


class TokenState(Protocol):
    """What has been written of one string, and so which tokens may follow."""

    def allowed(self) -> Tensor:
        """Bool (V,), True on these; where there are none, the writing is given up."""

    def after(self, token: int) -> Self:
        """The state with one token more."""


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How tokens are chosen."""

    method: Literal["greedy", "beam", "nucleus"] = "greedy"
    """The likeliest at each step; the best of several continuations kept side by side; or drawn at random."""
    n: int = 1
    """Results of each string, best first; one where greedy, at most `beams` of a beam; those drawn differ."""
    beams: int = 5
    """Continuations that a beam keeps."""
    length_penalty: float = 0.0
    """The results of a beam are ranked by log-probability / length ** penalty: 0 prefers short ones."""
    share: float = 0.95
    """Nucleus: tokens are drawn from the fewest likeliest whose probabilities add up to this."""
    temperature: float = 1.0
    """Nucleus: divides the logits; small is near to greedy."""


class Prompt(NamedTuple):
    """What is to be written for each of B strings."""

    before_B: Tensor
    """int64, the token before the first."""
    position_B: Tensor
    """int64, its position."""
    most_B: Tensor
    """int64, tokens to write at most, at least one; where nothing ends the writing, exactly so many."""


class Written(NamedTuple):
    """One result."""

    ids: tuple[int, ...]
    """Tokens, without the one that ended them."""
    log_probability: float
    """Of all of them, the ending among them, in nats."""

    def score(self, length_penalty: float) -> float:
        """What a beam ranks by."""
        return float(self.log_probability / max(len(self.ids), 1) ** length_penalty)


class _Rows:
    """Beginnings that are written side by side, all of one length, with what the decoder keeps of them."""

    def __init__(
        self,
        model: SequenceModel,
        memory: Memory,
        prompt: Prompt,
        language_R1: Tensor,
        states: Sequence[TokenState] | None,
        *,
        cached: bool,
    ) -> None:
        self.model, self.memory, self.states = model, memory, states
        self.language_R1 = language_R1
        self.caches = model.caches() if cached else None
        self.ids_RL = prompt.before_B[:, None]
        self.position_R = prompt.position_B
        self.owner_R = torch.arange(len(prompt.before_B), device=prompt.before_B.device)
        self.log_probability_R = torch.zeros(len(self.owner_R), device=self.owner_R.device)
        self.chance_R2 = torch.zeros((len(self.owner_R), 2), dtype=torch.float64, device=self.owner_R.device)
        """Of what is drawn: the logarithm of its probability, and that disturbed, see `_draw`."""

    def select(self, rows_R: Tensor) -> None:
        """Go on with these rows, repeats allowed."""
        self.ids_RL, self.position_R = self.ids_RL[rows_R], self.position_R[rows_R]
        self.language_R1 = self.language_R1[rows_R]
        self.owner_R, self.log_probability_R = self.owner_R[rows_R], self.log_probability_R[rows_R]
        self.chance_R2 = self.chance_R2[rows_R]
        if self.states is not None:
            self.states = [self.states[row] for row in rows_R.tolist()]
        states_RSD, mask, rotation = self.memory
        assert mask.keep_BS is not None
        for cache in self.caches or ():
            cache.select(rows_R)
        if self.caches is not None and self.caches[0].memory.kept is not None:
            states_RSD = states_RSD[:1].expand(len(rows_R), -1, -1)  # in the caches, and not read again
        else:
            states_RSD = states_RSD[rows_R]
        self.memory = Memory(states_RSD, AttentionMask(keep_BS=mask.keep_BS[rows_R]), rotation)

    def logits(self) -> Tensor:
        """Of the token that follows each row, (R, V), float32."""
        length = self.ids_RL.shape[1]
        first = 0 if self.caches is None else length - 1
        steps_L = torch.arange(first, length, device=self.ids_RL.device)
        positions_RL = self.position_R[:, None] + steps_L
        states_RLD = self.model.write(
            self.ids_RL[:, first:], positions_RL, self.memory, self.language_R1, self.caches
        )
        return self.model.score(states_RLD[:, -1]).float()

    def allowed(self, allowed_V: Tensor) -> Tensor:
        """Tokens that may follow, (V,) or (R, V)."""
        if self.states is None:
            return allowed_V
        return torch.stack([state.allowed() for state in self.states]).to(allowed_V.device) & allowed_V

    def append(self, rows_R: Tensor, ids_R: Tensor, gains_R: Tensor) -> None:
        """Go on with these rows, each with one token more."""
        if not torch.equal(rows_R, torch.arange(len(self.owner_R), device=rows_R.device)):
            self.select(rows_R)
        self.ids_RL = torch.cat([self.ids_RL, ids_R[:, None]], dim=1)
        if self.states is not None:
            self.states = [state.after(i) for state, i in zip(self.states, ids_R.tolist(), strict=True)]
        self.log_probability_R = self.log_probability_R + gains_R


@torch.inference_mode()
def decode(
    model: SequenceModel,
    ids_BS: Tensor,
    keep_BS: Tensor,
    prompt: Prompt,
    how: Decoding,
    *,
    allowed_V: Tensor,
    end_id: int | None = None,
    states: Sequence[TokenState] | None = None,
    generator: torch.Generator | None = None,
    cached: bool = True,
) -> list[list[Written]]:
    """Write after each prompt; the model is in evaluation mode.

    Args:
        model: Encoder and decoder.
        ids_BS: What is read.
        keep_BS: bool, True on real tokens.
        prompt: Where the writing begins, and how long it may be.
        how: Greedy, beam or nucleus.
        allowed_V: bool, True on tokens that may be written, `end_id` apart; probabilities are among these.
        end_id: The token that ends a string; without it exactly `prompt.most_B` tokens are written.
        states: Of each string before anything is written; what they do not allow is not written.
        generator: Of nucleus.
        cached: Keep keys and values of earlier tokens; without it every step reads all of them again.

    Returns:
        For each string its results, the best first; of `nucleus` in the order drawn. They are fewer than `n`
        where there are no more, or none that is allowed.
    """
    language_B1 = model.language(ids_BS, prompt.before_B[:, None])
    rows = _Rows(model, model.read(ids_BS, keep_BS), prompt, language_B1, states, cached=cached)
    width = 1 if how.method == "greedy" else how.beams if how.method == "beam" else how.n
    finished: list[list[Written]] = [[] for _ in range(len(ids_BS))]
    chances: list[list[float]] = [[] for _ in finished]
    allowed_V = allowed_V.clone()
    if end_id is not None:
        allowed_V[end_id] = True
    for length in range(1, int(prompt.most_B.max()) + 1):
        log_RV = rows.logits().masked_fill(~rows.allowed(allowed_V), -torch.inf).log_softmax(dim=-1)
        log_RV = log_RV.nan_to_num(nan=-torch.inf, neginf=-torch.inf)  # where nothing is allowed
        room = [width - len(results) for results in finished]
        if how.method == "nucleus":
            chances_RK2, ids_RK = _draw(rows, log_RV, how, generator)
            picked_R, places_R = _best(rows, chances_RK2[..., 1], room)
            ids_R, chance_R2 = ids_RK[picked_R, places_R], chances_RK2[picked_R, places_R]
        else:
            picked_R, ids_R = _best(rows, rows.log_probability_R[:, None] + log_RV, room)
            chance_R2 = rows.chance_R2[picked_R]
        if not len(picked_R):
            break
        rows.append(picked_R, ids_R, log_RV[picked_R, ids_R])
        rows.chance_R2 = chance_R2
        ended_R = prompt.most_B[rows.owner_R] <= length
        if end_id is not None:
            ended_R = ended_R | (ids_R == end_id)
        for row in ended_R.nonzero().flatten().tolist():
            ids = tuple(rows.ids_RL[row, 1:].tolist())
            ids = ids[:-1] if ids[-1] == end_id else ids
            found = Written(ids, float(rows.log_probability_R[row]))
            finished[int(rows.owner_R[row])].append(found)
            chances[int(rows.owner_R[row])].append(float(rows.chance_R2[row, 1]))
        if bool(ended_R.all()):
            break
        if bool(ended_R.any()):
            rows.select((~ended_R).nonzero().flatten())
    for results, drawn in zip(finished, chances, strict=True):
        if how.method == "nucleus":
            results[:] = [results[place] for place in np.argsort(drawn)[::-1]]
        else:
            results.sort(key=lambda found: -found.score(how.length_penalty))
    return [results[: how.n] for results in finished]


def _best(rows: _Rows, total_RV: Tensor, room: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The continuations of each string that have the highest totals, for which it has room: rows, places."""
    most = min(max(room), total_RV.shape[1])
    total_RK, ids_RK = total_RV.topk(most, dim=1)
    order_N = total_RK.flatten().argsort(descending=True, stable=True)
    left, picked = list(room), []
    owners = rows.owner_R.repeat_interleave(most)[order_N].tolist()
    possible = (total_RK.flatten()[order_N] > -torch.inf).tolist()
    for place, owner, is_possible in zip(order_N.tolist(), owners, possible, strict=True):
        if left[owner] and is_possible:
            left[owner] -= 1
            picked.append(place)
    # In the order of the rows, so that caches are moved only where they have to be.
    places_R = torch.tensor(sorted(picked), dtype=torch.int64, device=total_RV.device)
    return places_R // most, ids_RK.flatten()[places_R]


def _draw(
    rows: _Rows, log_RV: Tensor, how: Decoding, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Chances (R, K, 2) and ids (R, K) of tokens that may be drawn of each row's nucleus.

    Whole strings are drawn without replacement, those with the highest disturbed logarithms: each is of a
    Gumbel distribution around that of the string's probability, given that none exceeds its beginning's.

    Source: Holtzman et al. 2020, arXiv:1904.09751 (nucleus); Kool et al. 2019, arXiv:1903.06059 (without
    replacement).
    """
    shares_RV = (log_RV / how.temperature).softmax(dim=-1).nan_to_num(nan=0.0)
    # To sort a whole vocabulary takes longer than the network.
    shares_RK, ids_RK = shares_RV.topk(min(MOST_SORTED, shares_RV.shape[1]), dim=-1)
    if bool((shares_RK.sum(dim=-1) < how.share).any()):
        shares_RK, ids_RK = shares_RV.sort(dim=-1, descending=True)
    # A token is out where those before it have the share already; the first never is.
    shares_RK = shares_RK.masked_fill(shares_RK.cumsum(dim=-1) - shares_RK >= how.share, 0.0).double()
    before_R1, disturbed_R1 = rows.chance_R2.unsqueeze(1).unbind(-1)
    log_RK = before_R1 + (shares_RK / shares_RK.sum(dim=-1, keepdim=True)).log().nan_to_num(
        nan=-torch.inf, neginf=-torch.inf
    )
    noise_RK = torch.rand(log_RK.shape, generator=generator, dtype=torch.float64).to(log_RK.device)
    free_RK = log_RK - noise_RK.log().neg().log()
    highest_R1 = free_RK.max(dim=-1, keepdim=True).values
    below_RK = (free_RK - highest_R1).exp().neg().log1p()
    gap_RK = disturbed_R1 - free_RK + below_RK
    given_RK = disturbed_R1 - gap_RK.clamp(min=0) - gap_RK.abs().neg().exp().log1p()
    return torch.stack([log_RK, given_RK.nan_to_num(nan=-torch.inf, neginf=-torch.inf)], dim=-1), ids_RK
