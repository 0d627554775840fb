"""A process over rows or landmarks equals the dense formulas, and leaves out what it says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from catenane.models.posterior import JITTER, LandmarkProcess, learn_from_rows

N, P = 40, 25
CHOSEN = torch.arange(N - 1, N - 1 - P, -1)


class Case:
    """Rows in pairs that know each other, one of them without a label, some of them landmarks."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        points = torch.randn(N, 3, generator=generator, dtype=torch.float64)
        points[1::4] = points[::4] + 0.01
        self.labels = points.sum(dim=1) + 0.3 * torch.randn(N, generator=generator)
        self.labels[[7, N - 3]] = torch.nan
        self.groups = torch.arange(N) // 2
        self.kernel = 1.3 * torch.exp(-(torch.cdist(points, points) ** 2))
        self.noise = 0.1 / (torch.rand(N, generator=generator, dtype=torch.float64) + 0.5)

    def process(self, landmarks: Tensor = CHOSEN) -> LandmarkProcess:
        return LandmarkProcess(
            lambda rows: self.kernel[rows][:, landmarks],
            landmarks,
            self.kernel.diagonal(),
            self.labels,
            self.noise,
        )

    def dense(self, landmarks: Tensor, learnt: Tensor, noise: Tensor) -> Tensor:
        """Scores of all rows by landmarks, from the rows that are learnt."""
        prior = self.kernel[landmarks][:, landmarks] + JITTER * torch.eye(len(landmarks))
        across = self.kernel[learnt][:, landmarks] / noise[learnt, None]
        gram = prior + across.T @ self.kernel[learnt][:, landmarks]
        return self.kernel[:, landmarks] @ torch.linalg.solve(gram, across.T @ self.labels[learnt])

    def full_noise(self) -> Tensor:
        """With what the landmarks do not explain of a row."""
        prior = self.kernel[CHOSEN][:, CHOSEN] + JITTER * torch.eye(P)
        explained = (self.kernel[:, CHOSEN] @ torch.linalg.solve(prior, self.kernel[CHOSEN])).diagonal()
        return self.noise + (self.kernel.diagonal() - explained).clamp(min=0)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_landmarks_have_the_weights_of_the_dense_formula():
    case = Case()
    known = (~case.labels.isnan()).nonzero()[:, 0]
    found = case.kernel[:, CHOSEN] @ case.process().weights_P
    close(found, case.dense(CHOSEN, known, case.full_noise()))


@pytest.mark.parametrize("grouped", [False, True])
def test_a_row_left_out_is_neither_learnt_nor_a_landmark(grouped):
    """Nor are the others of its group."""
    case = Case()
    groups = case.groups if grouped else torch.arange(N)
    found, noise = case.process().left_out(groups), case.full_noise()
    for group in groups.unique():
        learnt = ((groups != group) & ~case.labels.isnan()).nonzero()[:, 0]
        landmarks = CHOSEN[(groups[CHOSEN] != group) | case.labels[CHOSEN].isnan() & grouped]
        rows = (groups == group) & ~case.labels.isnan()
        close(found[rows], case.dense(landmarks, learnt, noise)[rows])
    if not grouped:
        assert torch.equal(found, case.process().left_out())


def test_all_rows_as_landmarks_are_the_exact_process():
    case = Case()
    every = torch.arange(N)
    weights, scores = learn_from_rows(case.kernel, case.labels, case.noise, case.groups)
    process = case.process(every)
    torch.testing.assert_close(case.kernel @ process.weights_P, case.kernel @ weights, atol=5e-3, rtol=5e-3)
    known = ~case.labels.isnan()
    torch.testing.assert_close(process.left_out(case.groups)[known], scores[known], atol=5e-3, rtol=5e-3)


def test_a_group_is_left_out_whole():
    """As where its labels are missing."""
    case = Case()
    found = learn_from_rows(case.kernel, case.labels, case.noise, case.groups)[1]
    for group in (0, 3, 10):
        rows = case.groups == group
        holed = torch.where(rows, torch.nan, case.labels)
        without, rows = learn_from_rows(case.kernel, holed, case.noise)[1], rows & ~case.labels.isnan()
        torch.testing.assert_close(found[rows], without[rows])
    alone = learn_from_rows(case.kernel, case.labels, case.noise)[1]
    torch.testing.assert_close(
        learn_from_rows(case.kernel, case.labels, case.noise, torch.arange(N))[1], alone
    )
    assert (found - case.labels).abs().nanmean() > (alone - case.labels).abs().nanmean()


def test_a_label_of_half_the_noise_counts_as_one_that_came_twice():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(8, 3, generator=generator).double()
    labels = torch.randn(8, generator=generator).double()
    twice = [*range(8), 3]
    noise = torch.full((8,), 0.5).double()
    noise[3] /= 2
    weights, _ = learn_from_rows(inputs @ inputs.T, labels, noise)
    repeated, _ = learn_from_rows(
        inputs[twice] @ inputs[twice].T, labels[twice], torch.full((9,), 0.5).double()
    )
    summed = repeated[:8].clone()
    summed[3] += repeated[8]
    torch.testing.assert_close(inputs.T @ weights, inputs.T @ summed, atol=1e-3, rtol=1e-3)
