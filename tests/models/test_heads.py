from __future__ import annotations

import pytest
import torch
from torch import nn

from catenane.config import HeadConfig
from catenane.models.heads import PropertyHead


@pytest.mark.parametrize(("hidden", "widths"), [((), [8]), ((5,), [8, 5]), ((7, 6, 5), [8, 7, 6, 5])])
def test_the_head_has_the_widths_asked_for(hidden, widths):
    head = PropertyHead(HeadConfig(hidden=hidden), d_model=8, n_targets=3, n_descriptors=0, relu=True)
    layers = [module for module in head.modules() if isinstance(module, nn.Linear)]
    assert [layer.in_features for layer in layers] == widths
    assert layers[-1].out_features == 3
    assert head(torch.randn(4, 8), None).shape == (4, 3)


def test_a_linear_head_is_linear():
    head = PropertyHead(HeadConfig(hidden=()), d_model=8, n_targets=3, n_descriptors=0, relu=False)
    x_BD, y_BD = torch.randn(2, 4, 8)
    torch.testing.assert_close(head(x_BD + y_BD, None), head(x_BD, None) + head(y_BD, None))


def test_descriptors_take_as_much_room_as_the_string():
    head = PropertyHead(HeadConfig(hidden=(5,)), d_model=8, n_targets=1, n_descriptors=200, relu=False)
    assert head.layers[0][0].in_features == 16
    assert head(torch.randn(4, 8), torch.randn(4, 200)).shape == (4, 1)
