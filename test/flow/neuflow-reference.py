"""NeuFlow v2 in PyTorch, written from its description, with random weights: what the TypeScript must agree with.

Usage: neuflow_reference.py IMAGES.npy UPDATES OUT_DIR
IMAGES: uint8 [2,H,W,3]. Writes OUT_DIR/weights.pth ({"model": state dict} in the official layout) and OUT_DIR/golden.npz.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def bare(cin, cout, k, stride=1, pad=1, bias=False):
    return nn.Conv2d(cin, cout, k, stride, pad, bias=bias)


def group(**parts):
    module = nn.Module()
    for name, part in parts.items():
        module.add_module(name, part)
    return module


def block(cin, cout, k, stride, pad):
    return group(conv1=bare(cin, cout, k, stride, pad), conv2=bare(cout, cout, 3), norm1=nn.BatchNorm2d(cout), norm2=nn.BatchNorm2d(cout))


def attention_layer(c):
    linear = {name: nn.Linear(c, c) for name in ("q_proj", "k_proj", "v_proj", "merge")}
    mlp = nn.Sequential(nn.Linear(2 * c, 2 * c, bias=False), nn.GELU(), nn.Linear(2 * c, c, bias=False))
    return group(**linear, mlp=mlp, norm1=nn.LayerNorm(c), norm2=nn.LayerNorm(c))


def merging(cin, cout):
    return nn.Sequential(bare(cin, cout, 3), nn.GELU(), bare(cout, cout, 3), nn.BatchNorm2d(cout))


def refinement(inner):
    def layer(a, b):
        return group(conv=bare(a, b, 3))

    return group(
        conv1=layer(81 + 64 + 64 + 2 + 1, 128),
        conv2=layer(128, inner),
        conv_layers=nn.ModuleList([layer(inner, inner) for _ in range(5)]),
        conv3=bare(inner, 66, 3, bias=True),
    )


def network():
    backbone = group(
        block_8_1=block(3, 256, 8, 4, 2),
        block_8_2=block(3, 128, 6, 2, 2),
        block_cat_8=block(384, 192, 3, 1, 1),
        block_16_1=block(3, 128, 6, 2, 2),
        block_8_16=block(192, 128, 6, 2, 2),
        block_cat_16=block(256, 190, 3, 1, 1),
    )
    return group(
        backbone=backbone,
        cross_attn_s16=group(layers=nn.ModuleList([attention_layer(192) for _ in range(2)]), norm=nn.BatchNorm2d(192)),
        merge_s8=merging(256, 128),
        context_merge_s8=merging(128, 64),
        refine_s16=refinement(128),
        refine_s8=refinement(96),
        conv_s8=block(3, 128, 8, 8, 0),
        upsample_s8=group(conv1=bare(130, 256, 3, bias=True), conv2=bare(256, 512, 3, bias=True), conv3=bare(512, 576, 1, 1, 0, bias=True)),
    )


def randomise(net):
    torch.manual_seed(20240819)
    for name, tensor in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(7)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            tensor.uniform_(-0.2, 0.2)
        elif tensor.dim() >= 2:
            gain = 0.1 if ".conv3." in name and name.startswith("refine") else 1.2
            tensor.normal_(0, gain * tensor[0].numel() ** -0.5)
        else:
            tensor.uniform_(-0.2, 0.2)
            if "norm" in name and name.endswith("weight") or name.endswith("_s8.3.weight"):
                tensor.add_(1)


def run_block(b, x):
    for conv, norm in ((b.conv1, b.norm1), (b.conv2, b.norm2)):
        x = F.leaky_relu(norm(conv(x)), 0.1)
    return x


def encode(net, image):
    b = net.backbone
    half, quarter, eighth = (F.avg_pool2d(image, n) for n in (2, 4, 8))
    x8 = run_block(b.block_cat_8, torch.cat([run_block(b.block_8_1, half), run_block(b.block_8_2, quarter)], 1))
    x16 = run_block(b.block_cat_16, torch.cat([run_block(b.block_16_1, eighth), run_block(b.block_8_16, x8)], 1))
    n, _, h, w = x16.shape
    y = torch.arange(h).to(x16) - h / 2
    x = torch.arange(w).to(x16) - w / 2
    place = torch.stack([y[:, None].expand(h, w), x[None].expand(h, w)])
    return torch.cat([x16, place.expand(n, 2, h, w)], 1), x8


def attend(net, a, b):
    _, c, h, w = a.shape
    a, b = (x.flatten(2).transpose(1, 2) for x in (a, b))

    def look(layer, source, target):
        scores = layer.q_proj(source) @ layer.k_proj(target).transpose(1, 2) / c**0.5
        message = layer.norm1(layer.merge(scores.softmax(-1) @ layer.v_proj(target)))
        return source + layer.norm2(layer.mlp(torch.cat([source, message], -1)))

    for layer in net.cross_attn_s16.layers:
        a, b = look(layer, a, b), look(layer, b, a)
    return [net.cross_attn_s16.norm(x.transpose(1, 2).reshape(-1, c, h, w)) for x in (a, b)]


def volume(a, b):
    n, c, h, w = a.shape
    return torch.einsum("ncp,ncq->npq", a.flatten(2), b.flatten(2)) / c**0.5


def grid(h, w, like):
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack([x, y]).to(like)[None]


def match(scores, h, w):
    places = grid(h, w, scores).flatten(2)
    mean = torch.einsum("npq,ncq->ncp", scores.softmax(-1), places.expand(len(scores), -1, -1))
    return (mean - places).reshape(-1, 2, h, w)


def look_up(scores, flow):
    """One sample at a time: channel 9 * i + j looks i - 4 to the right and j - 4 down; zero outside."""
    n, _, h, w = flow.shape
    maps = scores.reshape(n * h * w, h, w)
    padded = F.pad(maps, (1, 1, 1, 1))
    rows = torch.arange(n * h * w)
    x, y = (grid(h, w, flow) + flow).permute(1, 0, 2, 3).reshape(2, -1)
    channels = []
    for dx in range(-4, 5):
        for dy in range(-4, 5):
            total = 0
            left, top = torch.floor(x + dx), torch.floor(y + dy)
            for column, wx in ((left, left + 1 - x - dx), (left + 1, x + dx - left)):
                for row, wy in ((top, top + 1 - y - dy), (top + 1, y + dy - top)):
                    r, c = row.clamp(-1, h).long() + 1, column.clamp(-1, w).long() + 1
                    total = total + wx * wy * padded[rows, r, c]
            channels.append(total)
    return torch.stack(channels, 1).reshape(n, h, w, 81).permute(0, 3, 1, 2)


def refine(part, scores, context, flow, updates):
    state = torch.zeros_like(context)
    radius = torch.full_like(context[:, :1], 4)
    for _ in range(updates):
        x = torch.cat([look_up(scores, flow), context, state, flow, radius], 1)
        for layer in (part.conv1, part.conv2, *part.conv_layers):
            x = F.leaky_relu(layer.conv(x), 0.1)
        x = part.conv3(x)
        flow, state = flow + x[:, :2], x[:, 2:].clamp(-4, 4)
    return flow


def upsample(part, fine, flow):
    n, _, h, w = flow.shape
    mask = part.conv3(F.relu(part.conv2(F.relu(part.conv1(torch.cat([flow, fine], 1))))))
    mask = mask.reshape(n, 9, 8, 8, h, w).softmax(1)
    padded = F.pad(flow, (1, 1, 1, 1))
    result = flow.new_zeros(n, 2, h, 8, w, 8)
    for k in range(9):
        shifted = padded[:, :, k // 3 : k // 3 + h, k % 3 : k % 3 + w]
        result += 8 * shifted[:, :, :, None, :, None] * mask[:, k].permute(0, 3, 1, 4, 2)[:, None]
    return result.reshape(n, 2, 8 * h, 8 * w)


def flow_of(net, first, second, updates):
    """Flow after all updates, and what lies on the way to it."""
    (a16, a8), (b16, b8) = encode(net, first), encode(net, second)
    seen = attend(net, a16, b16)
    context16, f16 = seen[0][:, :64].relu(), [x[:, 64:] for x in seen]
    scores = volume(*f16)
    matched = match(scores, *a16.shape[2:])
    coarse = refine(net.refine_s16, scores, context16, matched, 1)
    double = nn.Upsample(scale_factor=2, mode="nearest")
    f8 = [net.merge_s8(torch.cat([x[:, 64:], double(below)], 1)) for x, below in zip((a8, b8), f16)]
    context8 = net.context_merge_s8(torch.cat([a8[:, :64].relu(), double(context16)], 1))
    low = refine(net.refine_s8, volume(*f8), context8, 2 * double(coarse), updates)
    full = upsample(net.upsample_s8, run_block(net.conv_s8, first), low)
    return {"flow": full, "low": low, "coarse": coarse, "matched": matched, "features16": f16[0], "features8": f8[0], "context8": context8}


def main(images, updates, out):
    net = network().eval()
    with torch.no_grad():
        randomise(net)
        first, second = (torch.from_numpy(x).permute(2, 0, 1)[None].float() / 255 for x in np.load(images))
        torch.save({"model": net.state_dict(), "step": 3}, f"{out}/weights.pth")
        found = {f"forward_{k}": v for k, v in flow_of(net, first, second, updates).items()}
        found["backward_flow"] = flow_of(net, second, first, updates)["flow"]
        single = network().eval().double()
        single.load_state_dict(net.state_dict())
        found["forward_flow64"] = flow_of(single, first.double(), second.double(), updates)["flow"].float()
        np.savez(f"{out}/golden.npz", **{k: v[0].numpy() for k, v in found.items()})
    print(sum(p.numel() for p in net.parameters()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
