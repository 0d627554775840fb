from __future__ import annotations

import torch
from torch.nn.functional import gelu, relu

from catenane.nn import FeedForward


def test_each_activation_is_its_formula():
    x_BLD = torch.randn(2, 3, 4)
    for activation, function in (("relu", relu), ("gelu", gelu)):
        layer = FeedForward(4, 6, activation, 0.0)
        torch.testing.assert_close(layer(x_BLD), layer.output(function(layer.input(x_BLD))))
    layer = FeedForward(4, 6, "geglu", 0.0)
    gate_LD, value_LD = layer.input.weight[:6], layer.input.weight[6:]
    hidden = gelu(x_BLD @ gate_LD.T + layer.input.bias[:6]) * (x_BLD @ value_LD.T + layer.input.bias[6:])
    torch.testing.assert_close(layer(x_BLD), layer.output(hidden))


def test_tokens_do_not_meet():
    layer, x_BLD = FeedForward(4, 6, "geglu", 0.0), torch.randn(2, 5, 4)
    torch.testing.assert_close(layer(x_BLD)[:, 2], layer(x_BLD[:, 2:3])[:, 0])
