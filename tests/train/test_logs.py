import logging

import pytest

from catenane.train.logs import RunLog


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="catenane")
    return lambda: [record.getMessage() for record in caplog.records]


def row(epoch: int) -> dict[str, float]:
    return {"epoch": epoch, "step": epoch, "train_loss": 0.5, "valid_loss": 0.25}


def test_off_a_terminal_epochs_are_logged_now_and_then(clock: Clock, lines):
    with RunLog(None, kind="csv", label="finetune", total=100, began=0.0, show=False, clock=clock) as log:
        for epoch in range(1, 11):
            clock.now += 3
            log.batch(10 * epoch)
            log.epoch([row(epoch)], n_epochs=10, finished=epoch == 10)
    assert [line.split(":")[1].strip() for line in lines()] == [
        f"epoch {epoch} of 10" for epoch in (1, 5, 9, 10)
    ]
    assert lines()[1] == (
        "finetune: epoch 5 of 10: train 0.5000, valid 0.2500, 0:00:15 elapsed, at most 0:00:15 left"
    )


def test_a_long_epoch_is_logged_every_minute(clock: Clock, lines):
    with RunLog(None, kind="csv", label="pretrain", total=1000, began=0.0, show=False, clock=clock) as log:
        for batch in range(1, 10):
            clock.now += 20
            log.batch(batch)
    assert len(lines()) == 3
    assert lines()[0] == "pretrain: batch 3 of 1,000, 0:01:00 elapsed, at most 5:32:20 left"


def test_on_a_terminal_there_is_a_bar_and_no_line(clock: Clock, lines, capsys):
    with RunLog(None, kind="csv", label="finetune", total=10, began=0.0, show=True, clock=clock) as log:
        log.batch(5)
        log.epoch([row(1)], n_epochs=2, finished=False)
    assert not lines()


def test_a_resumed_run_counts_its_earlier_time_and_only_its_own_pace(clock: Clock):
    """It has done 900 of 1,000 in an hour elsewhere, and now takes ten seconds for the next ten."""
    clock.now = 5000.0
    with RunLog(
        None, kind="csv", label="x", total=1000, done=900, began=1400.0, show=False, clock=clock
    ) as log:
        assert log.times() == "1:00:00 elapsed"
        clock.now += 10
        log.batch(910)
        assert log.times() == "1:00:10 elapsed, at most 0:01:30 left"
