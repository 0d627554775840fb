"""An encoder of Catenane for Hugging Face's transformers; reads a folder that `catenane models export` wrote.

Axes: B strings, H heads, L tokens, S keys, D width, M features, V vocabulary.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, linear, relu, scaled_dot_product_attention
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput


class CatenaneConfig(PretrainedConfig):
    """`encoder` and `token_head` are those tables of the recipe."""

    model_type = "catenane"

    def __init__(self, encoder: dict | None = None, token_head: dict | None = None, **more) -> None:
        self.encoder = encoder or {}
        self.token_head = token_head or {}
        super().__init__(**more)


def rotate(x_BHLD: Tensor, angles_LP: Tensor | None) -> Tensor:
    if angles_LP is None:
        return x_BHLD
    left, right = x_BHLD.chunk(2, dim=-1)
    cos, sin = angles_LP.cos().to(x_BHLD.dtype), angles_LP.sin().to(x_BHLD.dtype)
    return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)


def angles(positions: Tensor, width: int) -> Tensor:
    rates_P = torch.exp(
        torch.arange(0, width, 2, dtype=torch.float64, device=positions.device) * (-math.log(1e4) / width)
    )
    return torch.outer(positions.double(), rates_P).float()


class Features(nn.Module):
    def __init__(self, d_head: int, n_features: int, floor: float) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("directions_DM", torch.zeros(d_head, n_features))

    def forward(self, x: Tensor) -> Tensor:
        shrink = self.directions_DM.shape[1] ** -0.5
        return relu(x @ (self.directions_DM.to(x.dtype) * shrink)) + self.floor * shrink


class Kernel(nn.Module):
    def __init__(self, shape: dict) -> None:
        super().__init__()
        self.linear, self.dropout = shape["attention"] == "linear", shape["dropout"]
        self.map_rotated = shape["feature_order"] == "map-rotated"
        if self.linear:
            d_head = shape["d_model"] // shape["n_heads"]
            self.features = Features(d_head, shape["n_features"], shape["feature_floor"])

    def forward(self, q: Tensor, k: Tensor, v: Tensor, keep_BS: Tensor, angles_LP: Tensor | None) -> Tensor:
        if not self.linear:
            q, k = rotate(q, angles_LP), rotate(k, angles_LP)
            share = self.dropout if self.training else 0.0
            return scaled_dot_product_attention(q, k, v, keep_BS[:, None, None], dropout_p=share)
        with torch.autocast(v.device.type, enabled=False):
            q, k, values = q.float(), k.float(), v.float()
            if self.map_rotated:
                q, k, angles_LP = rotate(q, angles_LP), rotate(k, angles_LP), None
            q, k = self.features(q), self.features(k) * keep_BS[:, None, :, None]
            above = rotate(q, angles_LP) @ (rotate(k, angles_LP).transpose(-2, -1) @ values)
            return (above / (q @ k.sum(dim=2).unsqueeze(-1)).clamp(min=1e-6)).to(v.dtype)


class Attention(nn.Module):
    def __init__(self, shape: dict) -> None:
        super().__init__()
        self.n_heads = shape["n_heads"]
        self.input = nn.Linear(shape["d_model"], 3 * shape["d_model"])
        self.kernel = Kernel(shape)
        self.output = nn.Linear(shape["d_model"], shape["d_model"])

    def forward(self, x: Tensor, keep_BS: Tensor, angles_LP: Tensor | None) -> Tensor:
        q, k, v = self.input(x).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        return self.output(self.kernel(q, k, v, keep_BS, angles_LP).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, shape: dict) -> None:
        super().__init__()
        self.kind, wide = shape["activation"], shape["d_hidden"]
        self.input = nn.Linear(shape["d_model"], 2 * wide if self.kind == "geglu" else wide)
        self.dropout = nn.Dropout(shape["dropout"])
        self.output = nn.Linear(wide, shape["d_model"])

    def forward(self, x: Tensor) -> Tensor:
        x = self.input(x)
        if self.kind == "geglu":
            gate, value = x.chunk(2, dim=-1)
            return self.output(self.dropout(gelu(gate) * value))
        return self.output(self.dropout(relu(x) if self.kind == "relu" else gelu(x)))


class Block(nn.Module):
    def __init__(self, shape: dict) -> None:
        super().__init__()
        self.pre_norm = shape["norm_order"] == "pre"
        self.attention, self.feed_forward = Attention(shape), FeedForward(shape)
        self.attention_norm = nn.LayerNorm(shape["d_model"], shape["norm_epsilon"])
        self.feed_forward_norm = nn.LayerNorm(shape["d_model"], shape["norm_epsilon"])
        self.dropout = nn.Dropout(shape["dropout"])

    def forward(self, x: Tensor, *given: Tensor | None) -> Tensor:
        if self.pre_norm:
            x = x + self.dropout(self.attention(self.attention_norm(x), *given))
            return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        x = self.attention_norm(x + self.dropout(self.attention(x, *given)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class CatenanePreTrainedModel(PreTrainedModel):
    config_class = CatenaneConfig
    base_model_prefix = "encoder"
    _no_split_modules = ["Block"]  # noqa: RUF012


class CatenaneModel(CatenanePreTrainedModel):
    """States of the tokens, (B, L, D)."""

    def __init__(self, config: CatenaneConfig) -> None:
        super().__init__(config)
        self.shape = shape = config.encoder
        self.embedding = nn.Embedding(shape["vocabulary_size"], shape["d_model"])
        if shape["positions"] == "learned":
            self.positions = nn.Module()
            self.positions.table_LD = nn.Parameter(torch.zeros(shape["max_length"], shape["d_model"]))
        share = shape["embedding_dropout"]
        self.dropout = nn.Dropout(shape["dropout"] if share is None else share)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape["n_layers"]))
        last = shape["norm_order"] == "pre" if shape["final_norm"] is None else shape["final_norm"]
        self.norm = nn.LayerNorm(shape["d_model"], shape["norm_epsilon"]) if last else nn.Identity()
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embedding

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.embedding = value

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_) -> BaseModelOutput:
        """`attention_mask` is 0 on padding, (B, L)."""
        shape, length = self.shape, input_ids.shape[1]
        if length > shape["max_length"]:
            raise ValueError(f"{length} tokens are more than max_length={shape['max_length']}: truncate them")
        keep_BL = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        positions = torch.arange(length, device=input_ids.device)
        x_BLD, angles_LP = self.embedding(input_ids), None
        if shape["positions"] == "sinusoidal":
            waves = angles(positions, shape["d_model"])
            x_BLD = x_BLD * math.sqrt(shape["d_model"])
            x_BLD = x_BLD + torch.stack([waves.sin(), waves.cos()], dim=-1).flatten(1).to(x_BLD.dtype)
        elif shape["positions"] == "learned":
            x_BLD = x_BLD + self.positions.table_LD[:length]
        elif shape["positions"] == "rotary":
            turns_features = shape["attention"] == "linear" and shape["feature_order"] == "rotate-mapped"
            width = shape["n_features"] if turns_features else shape["d_model"] // shape["n_heads"]
            angles_LP = angles(positions, width)
        x_BLD = self.dropout(x_BLD)
        for block in self.blocks:
            x_BLD = block(x_BLD, keep_BL.bool(), angles_LP)
        return BaseModelOutput(last_hidden_state=self.norm(x_BLD))


class TokenHead(nn.Module):
    def __init__(self, config: CatenaneConfig) -> None:
        super().__init__()
        d_model, size = config.encoder["d_model"], config.encoder["vocabulary_size"]
        self.transform = nn.Linear(d_model, d_model)
        self.norm = nn.LayerNorm(d_model, config.encoder["norm_epsilon"])
        tied, bias = config.token_head["tied"], config.token_head["bias"]
        self.bias_V = nn.Parameter(torch.zeros(size)) if bias else None
        self.output_VD = None if tied else nn.Parameter(torch.zeros(size, d_model))

    def forward(self, states_BLD: Tensor, embedding_VD: Tensor) -> Tensor:
        output_VD = embedding_VD if self.output_VD is None else self.output_VD
        return linear(self.norm(gelu(self.transform(states_BLD))), output_VD, self.bias_V)


class CatenaneForMaskedLM(CatenanePreTrainedModel):
    """Scores of every token of the vocabulary, (B, L, V)."""

    def __init__(self, config: CatenaneConfig) -> None:
        super().__init__(config)
        self.encoder = CatenaneModel(config)
        self.head = TokenHead(config)
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **_
    ) -> MaskedLMOutput:
        """`labels` are ids, and -100 where there is nothing to name."""
        states_BLD = self.encoder(input_ids, attention_mask).last_hidden_state
        logits_BLV = self.head(states_BLD, self.encoder.embedding.weight)
        loss = None if labels is None else cross_entropy(logits_BLV.flatten(0, 1), labels.flatten())
        return MaskedLMOutput(loss=loss, logits=logits_BLV)
