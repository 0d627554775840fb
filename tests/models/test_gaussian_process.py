"""The Gaussian-process head learns, leaves out what it should, and gives probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from catenane.config import HeadConfig
from catenane.errors import ConfigError, DataError, UsageError
from catenane.models.gaussian_process import GaussianProcessHead
from catenane.models.posterior import JITTER

N, WIDTH, PLAIN, FRAGMENTS = 60, 4, 3, 16


def make_inputs(n: int = N, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pooled = torch.randn(n, WIDTH, generator=generator)
    plain = torch.randn(n, PLAIN, generator=generator)
    counts = torch.randint(0, 3, (n, 2 * FRAGMENTS), generator=generator).float()
    labels = pooled[:, 0] + 2 * plain[:, 1] + 0.3 * counts[:, 0]
    return pooled, torch.cat([plain, counts], dim=1), labels[:, None].double()


def make_head(landmarks: int = N, *, targets=("y",), task="regression", **settings) -> GaussianProcessHead:
    config = HeadConfig(kind="gaussian-process", landmarks=landmarks, **{"fragments": FRAGMENTS, **settings})
    return GaussianProcessHead(
        config,
        d_model=WIDTH,
        targets=targets,
        n_descriptors=PLAIN + config.fragments + config.n_roles,
        task=task,
    )


def refit_without(head: GaussianProcessHead, row: int, labels, descriptors, pooled) -> float:
    """The prediction of a row by the process of the others, under the settings of all."""
    keep = [place for place in range(len(labels)) if place != row]
    inputs = head._inputs(pooled, descriptors)
    order = torch.tensor(keep)
    kernels = head._kernel(inputs, head._shared(inputs), 0).double()
    # Columns are landmarks, which stand in the order in which they were drawn.
    places = torch.tensor(
        [
            int((head.landmark_states_PD == inputs[0][i]).all(dim=1).nonzero()[0, 0])
            for i in range(len(labels))
        ]
    )
    kernels = kernels[:, places]
    scaled = (labels[:, 0] - head.target_mean_T[0]) / head.target_std_T[0]
    noise = head.settings_TK[0, -1].exp().double() + JITTER
    among = kernels[order][:, order] + noise * torch.eye(len(keep), dtype=torch.float64)
    score = kernels[row, order] @ torch.linalg.solve(among, scaled[order])
    return float(score * head.target_std_T[0] + head.target_mean_T[0])


def test_it_learns_what_the_inputs_determine():
    pooled, descriptors, labels = make_inputs(200)
    head = make_head(150)
    head.fit(labels[:150], descriptors[:150], pooled[:150])
    error = (head.predict(pooled[150:], descriptors[150:]) - labels[150:]).abs().mean()
    assert error < 0.35 * (labels[150:] - labels[:150].median()).abs().mean()


def test_leave_one_out_equals_a_process_without_the_row():
    pooled, descriptors, labels = make_inputs()
    head = make_head()
    left_out = head.to_labels(head.fit(labels, descriptors, pooled)[0])
    for row in (0, 17, 59):
        assert float(left_out[row, 0]) == pytest.approx(
            refit_without(head, row, labels, descriptors, pooled), abs=1e-4
        )


def test_fewer_landmarks_than_rows_come_close_to_all():
    pooled, descriptors, labels = make_inputs(200)
    full, reduced = make_head(200), make_head(160)
    expected = full.fit(labels, descriptors, pooled)[0]
    found = reduced.fit(labels, descriptors, pooled)[0]
    assert (found - expected).abs().mean() < 0.15


def test_a_missing_label_is_predicted_and_counts_for_nothing():
    pooled, descriptors, labels = make_inputs()
    holed = labels.clone()
    holed[5] = torch.nan
    head = make_head()
    found = head.fit(holed, descriptors, pooled)[0]
    assert torch.isfinite(found).all()
    assert float(found[5, 0]) == pytest.approx(float(head(pooled[5:6], descriptors[5:6])[0, 0]), abs=1e-3)


def test_targets_are_learnt_each_by_itself():
    pooled, descriptors, labels = make_inputs()
    both = make_head(targets=("a", "b"))
    both.fit(torch.cat([labels, 5 - labels.square()], dim=1), descriptors, pooled)
    alone = make_head(targets=("a",))
    alone.fit(labels, descriptors, pooled)
    torch.testing.assert_close(
        both.predict(pooled, descriptors)[:, :1], alone.predict(pooled, descriptors), rtol=1e-4, atol=1e-4
    )


def test_probabilities_rise_with_the_class_and_stay_inside():
    pooled, descriptors, labels = make_inputs(120)
    classes = (labels > labels.median()).double()
    head = make_head(120, task="classification")
    left_out = head.to_labels(head.fit(classes, descriptors, pooled)[0])
    assert ((left_out > 0) & (left_out < 1)).all()
    assert left_out[classes == 1].mean() > left_out[classes == 0].mean() + 0.3


def test_amounts_are_never_negative():
    pooled, descriptors, labels = make_inputs()
    head = make_head(target_scale="sqrt")
    left_out = head.fit(labels.clamp(min=0), descriptors, pooled)[0]
    assert (head.to_labels(left_out) >= 0).all()
    assert (head.predict(pooled, descriptors) >= 0).all()


def test_rows_do_not_depend_on_each_other_and_none_is_an_empty_table():
    pooled, descriptors, labels = make_inputs()
    head = make_head()
    head.fit(labels, descriptors, pooled)
    together = head.predict(pooled, descriptors)
    torch.testing.assert_close(
        head.predict(pooled[3:4], descriptors[3:4]), together[3:4], rtol=1e-4, atol=1e-4
    )
    assert head.predict(pooled[:0], descriptors[:0]).shape == (0, 1)


def test_saved_buffers_predict_the_same():
    pooled, descriptors, labels = make_inputs()
    head, other = make_head(), make_head()
    head.fit(labels, descriptors, pooled)
    other.load_state_dict(head.state_dict())
    assert torch.equal(other.predict(pooled, descriptors), head.predict(pooled, descriptors))


@pytest.mark.parametrize("place", [0, FRAGMENTS])
def test_both_kinds_of_fragments_are_compared(place):
    pooled, descriptors, _ = make_inputs()
    alone = torch.zeros_like(descriptors)
    alone[:, PLAIN + place] = descriptors[:, PLAIN + place]
    head = make_head()
    head.fit(alone[:, PLAIN + place, None].double(), alone, torch.zeros_like(pooled))
    same = head._shared(head._inputs(torch.zeros_like(pooled), alone))
    kinds = ["fragment", "role"]
    varies = [bool((same[kind] != same[kind][0, 0]).any()) for kind in kinds]
    assert varies == [place == 0, place > 0]


@pytest.mark.parametrize("landmarks", [200, 120])
def test_descriptors_that_determine_the_label_become_relevant_for_each_target_by_itself(landmarks):
    pooled, descriptors, _ = make_inputs(200)
    labels = torch.stack([descriptors[:, 1], descriptors[:, 0] - descriptors[:, 2]], dim=1).double()
    head = make_head(landmarks, targets=("one", "difference"))
    head.fit(labels, descriptors, pooled)
    one, difference = head.relevance_TF
    assert one[1] > 1.5 * one[[0, 2]].max()
    assert difference[[0, 2]].min() > 1.5 * difference[1]


def test_the_deviation_is_that_of_a_process_of_the_most_telling_landmark():
    pooled, descriptors, labels = make_inputs(80)
    head = make_head(N)
    left_out = head.fit(labels[:N], descriptors[:N], pooled[:N])
    scores, deviations = head.with_deviation(pooled, descriptors)
    torch.testing.assert_close(scores, head(pooled, descriptors))
    inputs = head._inputs(pooled, descriptors)
    kernel = head._kernel(inputs, head._shared(inputs), 0).double()
    noise = head.settings_TK[0, -1].exp().double()
    order = head._drawn(labels[:N], 0)
    own = kernel[:N].gather(1, order.argsort()[:, None])[:, 0]  # with the landmark that a row is
    for row in (3, 70):
        variance = float(own[row]) if row < N else float(head._variances(inputs, 0)[row])
        each = [
            variance + noise - kernel[row, place] ** 2 / (own[order[place]] + noise) for place in range(N)
        ]
        assert float(deviations[row, 0]) == pytest.approx(float(min(each)) ** 0.5, rel=1e-3)
        if row < N:  # left out, it is no landmark of its own
            del each[int(order.argsort()[row])]
            assert float(left_out[1, row, 0]) == pytest.approx(float(min(each)) ** 0.5, rel=1e-3)
    assert (left_out[1] >= deviations[:N] - 1e-4).all()
    far = head.with_deviation(pooled[:5] + 40, descriptors[:5] + 40)[1]
    assert float(far.min()) > float(deviations.max())


def test_the_deviation_of_a_row_left_out_does_not_rest_on_its_group():
    pooled, descriptors, labels = make_inputs()
    twins = torch.arange(N) // 2 * 2
    pooled, descriptors, labels = pooled[twins], descriptors[twins], labels[twins]
    alone = make_head().fit(labels, descriptors, pooled)[1]
    grouped = make_head().fit(labels, descriptors, pooled, groups_N=twins)[1]
    assert float((grouped - alone).min()) > 0.05


def test_half_of_the_first_rows_drawn_have_a_rare_class_as_long_as_there_are_any():
    classes = torch.zeros(5_000, 2)
    classes[::50, 0], classes[7::500, 1], classes[4_000:, 1] = 1.0, 1.0, torch.nan
    drawn = make_head(targets=("a", "b"), task="classification")._drawn(classes, 0)
    assert torch.equal(drawn.sort().values, torch.arange(5_000))
    rare = (classes == 1).any(dim=1)[drawn]
    assert 35 <= int(rare[:100].sum()) <= 75
    assert int(rare[:1_000].sum()) >= 100  # of 108
    one = make_head(task="classification")._drawn(classes[:, :1], 0)
    assert 35 <= int(classes[one[:100], 0].sum()) <= 65
    plain = make_head()._drawn(classes[:, :1], 0)
    assert int(classes[plain[:1_000], 0].sum()) < 40


def test_probabilities_of_a_rare_class_are_calibrated_though_it_is_half_of_the_landmarks():
    """The mean probability of left-out rows is the share of the class, and that of new rows too."""
    pooled, descriptors, labels = make_inputs(2_000)
    noise = torch.randn(2_000, 1, generator=torch.Generator().manual_seed(3))
    classes = (labels + 2 * noise > 5.5).double()
    head = make_head(150, task="classification")
    left_out = head.fit(classes[:1_000], descriptors[:1_000], pooled[:1_000])[0].sigmoid()
    new = head.predict(pooled[1_000:], descriptors[1_000:])
    assert 0.02 < float(classes.mean()) < 0.1
    assert float(left_out.mean()) == pytest.approx(float(classes[:1_000].mean()), rel=0.05)
    assert float(new.mean()) == pytest.approx(float(classes[1_000:].mean()), rel=0.3)
    rare = head._drawn(classes[:1_000], 0)[:150]
    assert float(classes[rare].mean()) > 0.25


def test_it_works_without_descriptors_and_fragments():
    pooled, _, labels = make_inputs()
    config = HeadConfig(kind="gaussian-process", landmarks=N, descriptors=False)
    head = GaussianProcessHead(config, d_model=WIDTH, targets=("y",))
    head.fit(labels, None, pooled)
    assert head.predict(pooled).shape == (N, 1)


def test_what_cannot_be_learnt_is_refused():
    pooled, descriptors, labels = make_inputs()
    with pytest.raises(ConfigError, match="amounts"):
        make_head(task="classification", target_scale="sqrt")
    with pytest.raises(DataError, match="one class only"):
        make_head(task="classification").fit(torch.ones_like(labels), descriptors, pooled)
    with pytest.raises(DataError, match="no label"):
        make_head().fit(torch.full_like(labels, np.nan), descriptors, pooled)
    head = make_head()
    with pytest.raises(DataError, match="35 descriptors a string, and 3"):
        head.predict(pooled, descriptors[:, :3])
    with pytest.raises(UsageError, match="takes no gas"):
        head.predict(pooled, descriptors, {"gas": "co2"})
