"""A small HMR2.0-like network with random weights, written from its published description: saves a checkpoint and what it answers.

Usage: hmr2-reference.py CHECKPOINT IMAGES.npy ANSWERS.npz    (images [B,3,64,64], already normalised)
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

WIDTH, DEPTH, HEADS, SIDE = 24, 2, 3, 64
TOKEN, LAYERS, DECODER_HEADS, HEAD_WIDTH, INNER = 20, 2, 2, 7, 13


def attend(q, k, v, heads):
    q, k, v = (x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2) for x in (q, k, v))
    weights = torch.softmax(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5, -1)
    return (weights @ v).transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        return self.proj(attend(*self.qkv(x).chunk(3, -1), HEADS))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn, self.mlp = SelfAttention(), Mlp()

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, 16, 16, padding=2)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        places = (SIDE // 16) * (SIDE * 3 // 4 // 16)
        self.patch_embed = Patches()
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + places, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.last_norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, x):
        x = self.patch_embed(x) + self.pos_embed[:, 1:] + self.pos_embed[:, :1]
        for block in self.blocks:
            x = block(x)
        return self.last_norm(x)


class Normed(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(TOKEN), fn


class TokenAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_qkv = nn.Linear(TOKEN, 3 * DECODER_HEADS * HEAD_WIDTH, bias=False)
        self.to_out = nn.Sequential(nn.Linear(DECODER_HEADS * HEAD_WIDTH, TOKEN))

    def forward(self, x, _):
        return self.to_out(attend(*self.to_qkv(x).chunk(3, -1), DECODER_HEADS))


class CrossAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_q = nn.Linear(TOKEN, DECODER_HEADS * HEAD_WIDTH, bias=False)
        self.to_kv = nn.Linear(WIDTH, 2 * DECODER_HEADS * HEAD_WIDTH, bias=False)
        self.to_out = nn.Sequential(nn.Linear(DECODER_HEADS * HEAD_WIDTH, TOKEN))

    def forward(self, x, seen):
        return self.to_out(attend(self.to_q(x), *self.to_kv(seen).chunk(2, -1), DECODER_HEADS))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(TOKEN, INNER), nn.GELU(), nn.Dropout(0.0), nn.Linear(INNER, TOKEN))

    def forward(self, x, _):
        return self.net(x)


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        parts = lambda: nn.ModuleList(Normed(f()) for f in (TokenAttention, CrossAttention, FeedForward))
        self.layers = nn.ModuleList(parts() for _ in range(LAYERS))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_token_embedding = nn.Linear(1, TOKEN)
        self.pos_embedding = nn.Parameter(torch.randn(1, 1, TOKEN))
        self.transformer = Layers()

    def forward(self, seen):
        x = self.to_token_embedding(torch.zeros(len(seen), 1, 1)) + self.pos_embedding
        for layer in self.transformer.layers:
            for part in layer:
                x = x + part.fn(part.norm(x), seen)
        return x[:, 0]


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer = Decoder()
        self.decpose, self.decshape, self.deccam = nn.Linear(TOKEN, 144), nn.Linear(TOKEN, 10), nn.Linear(TOKEN, 3)
        for name, size in (("body_pose", 144), ("betas", 10), ("cam", 3)):
            self.register_buffer("init_" + name, torch.randn(1, size))

    def forward(self, seen):
        token = self.transformer(seen)
        pose = self.decpose(token) + self.init_body_pose
        first, second = pose.reshape(-1, 2, 3).unbind(1)
        first = F.normalize(first)
        second = F.normalize(second - (first * second).sum(1, keepdim=True) * first)
        matrices = torch.stack([first, second, torch.cross(first, second, dim=1)], 2)
        return matrices.reshape(-1, 24, 3, 3), self.decshape(token) + self.init_betas, self.deccam(token) + self.init_cam


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone, self.smpl_head, self.discriminator = Backbone(), Head(), nn.Linear(2, 2)
        self.register_buffer("initialized", torch.tensor(True))

    def forward(self, x):
        edge = SIDE // 8
        return self.smpl_head(self.backbone(x[:, :, :, edge:-edge]))


torch.manual_seed(4)
model = Model()
with torch.no_grad():
    for name, value in model.named_parameters():
        if value.dim() == 1:
            value.add_(0.3 * torch.randn_like(value))
checkpoint, images, answers = sys.argv[1:]
torch.save({"state_dict": model.state_dict(), "epoch": 7, "pytorch-lightning_version": "1.8.1"}, checkpoint)
with torch.no_grad():
    rotations, betas, camera = model(torch.from_numpy(np.load(images)))
np.savez(answers, rotations=rotations.numpy(), betas=betas.numpy(), camera=camera.numpy())
