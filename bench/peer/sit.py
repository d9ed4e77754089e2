"""The peer of `srdit bench step` and `bench sample`: the same network in eager PyTorch, written for this benchmark from the paper's
equations (SiT, REPA, REG, SPRINT, value residual). Idiomatic, fused where PyTorch fuses: scaled_dot_product_attention, AdamW(fused=True)."""
import math
import torch
import torch.nn.functional as F
from torch import nn


def rms(x, eps=1e-6):
    return F.rms_norm(x, (x.shape[-1],), eps=eps)


class RMSNorm(nn.Module):
    def __init__(self, width, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class Block(nn.Module):
    def __init__(self, width, heads, first):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.q_norm, self.k_norm = RMSNorm(self.size, 1.1920929e-7), RMSNorm(self.size, 1.1920929e-7)
        self.mix = None if first else nn.Parameter(torch.tensor(0.5))
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.modulation = nn.Linear(width, 6 * width)

    def attention(self, x, cos, sin, v_first):
        b, t, w = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, self.size).permute(2, 0, 3, 1, 4)
        q, k, raw = self.q_norm(q), self.k_norm(k), v
        if self.mix is not None:
            v = self.mix * v_first + (1 - self.mix) * v
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        out = F.scaled_dot_product_attention(q, k, v)
        return self.proj(out.transpose(1, 2).reshape(b, t, w)), raw

    def forward(self, x, c, cos, sin, v_first):
        s1, k1, g1, s2, k2, g2 = self.modulation(F.silu(c)).unsqueeze(1).chunk(6, -1)
        a, raw = self.attention(rms(x) * (1 + k1) + s1, cos, sin, v_first)
        x = x + g1 * a
        h = F.gelu(self.fc1(rms(x) * (1 + k2) + s2), approximate="tanh")
        return x + g2 * self.fc2(h), raw


def rotate(x, cos, sin):
    pairs = x.unflatten(-1, (-1, 2))
    turned = torch.stack((-pairs[..., 1], pairs[..., 0]), -1).flatten(-2)
    return x * cos + turned * sin


class SiT(nn.Module):
    def __init__(self, depth, width, heads, channels, side, classes, cls_width, feature_width, projector):
        super().__init__()
        self.side, self.channels, self.classes, self.cls_width = side, channels, classes, cls_width
        tokens = side * side
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer("pos", torch.randn(1, tokens + 1, width) * 0.02)
        self.fusion = nn.Linear(2 * width, width)
        self.patch = nn.Linear(channels, width)
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width)
        self.blocks = nn.ModuleList(Block(width, heads, i == 0) for i in range(depth))
        self.projector = nn.Sequential(nn.Linear(width, projector), nn.SiLU(), nn.Linear(projector, projector), nn.SiLU(),
                                       nn.Linear(projector, feature_width))
        self.final_modulation = nn.Linear(width, 2 * width)
        self.out, self.out_cls = nn.Linear(width, channels), nn.Linear(width, cls_width)
        self.cls_in, self.cls_norm = nn.Linear(cls_width, width), RMSNorm(width)
        size = width // heads
        angle = 10000.0 ** (-torch.arange(0, size // 2, 2) / (size // 2))
        row, col = torch.arange(tokens) // side, torch.arange(tokens) % side
        table = torch.cat([(row[:, None] * angle).repeat_interleave(2, 1), (col[:, None] * angle).repeat_interleave(2, 1)], 1)
        table = torch.cat([torch.zeros(1, size), table])
        self.register_buffer("cos", table.cos())
        self.register_buffer("sin", table.sin())

    def forward(self, x, t, y, cls, train=True, uncond=False):
        b = x.shape[0]
        if train:
            y = torch.where(torch.rand(b) < 0.1, self.classes, y)
        tokens = torch.cat([self.cls_norm(self.cls_in(cls)).unsqueeze(1), self.patch(x.flatten(2).transpose(1, 2))], 1) + self.pos
        k = torch.exp(-math.log(10000) * torch.arange(128) / 128)
        c = self.time(torch.cat([(t[:, None] * k).cos(), (t[:, None] * k).sin()], 1)) + self.label(y)
        h, v_first = self.blocks[0](tokens, c, self.cos, self.sin, None)
        h, _ = self.blocks[1](h, c, self.cos, self.sin, v_first)
        dense, n = h, tokens.shape[1]
        zs = self.projector(dense) if train else None
        if uncond:
            sparse = self.mask_token.expand(b, n, -1)
        else:
            cos, sin, v_kept, keep = self.cos, self.sin, v_first, None
            if train:
                keep = torch.rand(b, n).argsort(1)[:, : max(1, n // 4)]
                h = h.gather(1, keep.unsqueeze(-1).expand(-1, -1, h.shape[-1]))
                cos, sin = self.cos[keep].unsqueeze(1), self.sin[keep].unsqueeze(1)
                v_kept = v_first.gather(2, keep[:, None, :, None].expand(-1, v_first.shape[1], -1, v_first.shape[3]))
            for block in self.blocks[2:-2]:
                h, _ = block(h, c, cos, sin, v_kept)
            if keep is not None:
                full = self.mask_token.expand(b, n, -1).to(h.dtype)
                h = full.scatter(1, keep.unsqueeze(-1).expand(-1, -1, h.shape[-1]), h)
            sparse = h
            if train and torch.rand(()) < 0.05:
                sparse = 0 * sparse + self.mask_token
        h = self.fusion(torch.cat([dense, sparse], -1))
        for block in self.blocks[-2:]:
            h, _ = block(h, c, self.cos, self.sin, v_first)
        shift, scale = self.final_modulation(F.silu(c)).unsqueeze(1).chunk(2, -1)
        h = rms(h) * (1 + scale) + shift
        return self.out(h[:, 1:]).transpose(1, 2).unflatten(2, (self.side, self.side)), zs, self.out_cls(h[:, 0])
