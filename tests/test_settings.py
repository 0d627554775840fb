from __future__ import annotations

from dataclasses import dataclass

import pytest

from catenane.errors import ConfigError
from catenane.settings import build


def test_a_setting_without_a_default_must_be_given():
    @dataclass(frozen=True)
    class Needy:
        width: int
        depth: int = 3

    with pytest.raises(ConfigError, match=r"^setting box.width is missing$"):
        build(Needy, {"depth": 4}, "box")
    assert build(Needy, {"width": 4}) == Needy(width=4)
