import pytest

from catenane.train.loop import warmup_cosine


def rate(progress: float) -> float:
    return warmup_cosine(progress, warmup=0.1, final=0.02)


def test_rises_in_a_straight_line_to_the_peak():
    assert rate(0.0) == 0.0
    assert rate(0.05) == pytest.approx(0.5)
    assert rate(0.1) == pytest.approx(1.0)


def test_falls_as_half_a_cosine_to_the_end():
    assert rate(0.55) == pytest.approx((1 + 0.02) / 2)
    assert rate(1.0) == pytest.approx(0.02)
    falling = [rate(0.1 + 0.009 * step) for step in range(101)]
    assert falling == sorted(falling, reverse=True)


def test_stays_at_the_end_if_the_run_is_longer_than_planned():
    assert rate(1.3) == pytest.approx(0.02)


def test_needs_no_warmup():
    assert warmup_cosine(0.0, warmup=0.0, final=0.0) == 1.0
