from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

import catenane
from catenane import hardware
from catenane.hardware import fabric_devices, resolve_precision

CPU = torch.device("cpu")


@pytest.fixture
def no_native_bf16(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(hardware, "_cpu_multiplies_bf16", lambda: False)
    hardware._warn_of_slow_bf16.cache_clear()
    yield
    hardware._warn_of_slow_bf16.cache_clear()


def test_auto_is_bf16_where_the_cpu_multiplies_it(monkeypatch, caplog):
    for native, name in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr(hardware, "_cpu_multiplies_bf16", lambda native=native: native)
        assert resolve_precision("auto", CPU) == name
        assert resolve_precision("fp32", CPU) == "32-true"
    monkeypatch.setattr(hardware, "_cpu_multiplies_bf16", lambda: True)
    assert resolve_precision("bf16", CPU) == "bf16-mixed"
    assert not caplog.records


def test_bf16_that_the_cpu_does_not_multiply_warns_once(no_native_bf16, caplog):
    assert resolve_precision("bf16", CPU) == "bf16-mixed"
    assert resolve_precision("bf16", CPU) == "bf16-mixed"
    assert resolve_precision("auto", CPU) == "32-true"
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "300 times as long" in record.getMessage()
    assert "set precision to auto or fp32" in record.getMessage()


def settings() -> tuple[str, bool]:
    return torch.get_float32_matmul_precision(), torch.backends.cuda.flash_sdp_enabled()


@pytest.mark.parametrize("precision", ["highest", "high"])
def test_settings_of_the_process_stay_as_they_are_in_overlapping_use(precision):
    model, before = catenane.load("mof-uptake"), settings()
    torch.set_float32_matmul_precision(precision)
    expected, seen, vectors = settings(), set(), {}
    both_inside = threading.Barrier(2, timeout=60)

    def watch(*_) -> None:
        both_inside.wait()
        seen.add(settings())

    def embed(name: str) -> None:
        vectors[name] = model.embed(["[Zn].c1ccncc1&&pcu.cat0"])

    handle = model.bundle.encoder.register_forward_hook(watch)
    threads = [threading.Thread(target=embed, args=(name,)) for name in "ab"]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == {expected}
        assert settings() == expected
        np.testing.assert_array_equal(vectors["a"], vectors["b"])
    finally:
        handle.remove()
        torch.set_float32_matmul_precision(before[0])


def test_settings_of_the_process_stay_as_they_are_in_training(molecule_file, tiny, tmp_path):
    seen, before = set(), settings()
    remember = torch.nn.modules.module.register_module_forward_hook(lambda *_: seen.add(settings()))
    try:
        catenane.pretrain([molecule_file], out=tmp_path / "run", settings=tiny, device="cpu")
    finally:
        remember.remove()
    assert seen == {before}
    assert settings() == before


@pytest.mark.parametrize(("name", "devices"), [("cuda:1", [1]), ("cuda", 1), ("cpu", 1), ("cpu:0", 1)])
def test_training_runs_on_the_gpu_that_was_asked_for(name: str, devices):
    assert fabric_devices(torch.device(name)) == devices
