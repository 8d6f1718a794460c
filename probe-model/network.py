"""The probe model's network: the architecture that GGUF calls `qwen3`, small, in PyTorch."""

from dataclasses import asdict, dataclass

import torch
import vocabulary
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-6
FEW = 1000
"""Tokens up to which plain attention is several times faster on a CPU than the fused kernel, whose way back crawls."""


@dataclass(frozen=True)
class Shape:
    """The sizes of the network; `context` is what its file promises, in tokens."""

    width: int = 192
    layers: int = 4
    heads: int = 6
    head_width: int = 32
    inner: int = 512
    context: int = 32_768
    theta: float = 10_000.0


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x.float(), (x.shape[-1],), self.weight, EPSILON).to(x.dtype)


class Block(nn.Module):
    """Attention with rotary positions and normalised queries and keys, then a gated inner layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.head_width = shape.heads, shape.head_width
        width, all_heads = shape.width, shape.heads * shape.head_width
        self.attn_norm, self.ffn_norm = Norm(width), Norm(width)
        self.attn_q_norm, self.attn_k_norm = Norm(shape.head_width), Norm(shape.head_width)
        self.attn_q, self.attn_k, self.attn_v = (nn.Linear(width, all_heads, bias=False) for _ in range(3))
        self.attn_output = nn.Linear(all_heads, width, bias=False)
        self.ffn_gate, self.ffn_up = (nn.Linear(width, shape.inner, bias=False) for _ in range(2))
        self.ffn_down = nn.Linear(shape.inner, width, bias=False)
        nn.init.zeros_(self.attn_output.weight)
        nn.init.zeros_(self.ffn_down.weight)

    def forward(self, x: Tensor, angles: tuple[Tensor, Tensor], future: Tensor | None) -> Tensor:
        rows, length, _ = x.shape
        y = self.attn_norm(x)

        def of_heads(z: Tensor) -> Tensor:
            return z.view(rows, length, self.heads, self.head_width).transpose(1, 2)

        query = _turned(self.attn_q_norm(of_heads(self.attn_q(y))), angles)
        key = _turned(self.attn_k_norm(of_heads(self.attn_k(y))), angles)
        seen = _attention(query, key, of_heads(self.attn_v(y)), future)
        x = x + self.attn_output(seen.transpose(1, 2).reshape(rows, length, -1))
        y = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(y)) * self.ffn_up(y))


class Network(nn.Module):
    """Tokens to the scores of each next token; its parts are named as GGUF names their weights."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(vocabulary.SIZE, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width)
        self.output = nn.Linear(shape.width, vocabulary.SIZE, bias=False)
        nn.init.normal_(self.token_embd.weight, 0, 1.0)
        nn.init.zeros_(self.output.weight)

    def forward(self, tokens: Tensor, learned: Tensor, places: Tensor) -> Tensor:
        """The scores at the places that `learned` marks; `places` are the positions of the tokens."""
        length, half = tokens.shape[1], self.shape.head_width // 2
        speeds = self.shape.theta ** (-torch.arange(0, half) / half)
        turns = (places[:, :, None] * speeds)[:, None]
        angles = turns.cos(), turns.sin()
        future = torch.full((length, length), float("-inf")).triu(1) if length <= FEW else None
        x = self.token_embd(tokens)
        for block in self.blk:
            x = block(x, angles, future)
        scores: Tensor = self.output(self.output_norm(x)[learned])
        return scores.float()

    def describe(self) -> dict[str, object]:
        return asdict(self.shape)


def _turned(x: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    cosine, sine = angles
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1).to(x.dtype)


def _attention(query: Tensor, key: Tensor, value: Tensor, future: Tensor | None) -> Tensor:
    if future is None:
        fused: Tensor = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return fused
    scores = (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5 + future.to(query.dtype)
    seen: Tensor = scores.softmax(-1).to(value.dtype) @ value
    return seen
