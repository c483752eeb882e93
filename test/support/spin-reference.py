"""torchvision's ResNet-50 with an iterative head. `save` writes random weights and what they answer; `load` answers with given ones.

Usage: spin-reference.py save CHECKPOINT IMAGES.npy ANSWERS.npz | load CHECKPOINT IMAGES.npy ANSWERS.npz
"""
import sys

import numpy as np
import torch
import torchvision
from torch import nn


class Spin(torchvision.models.ResNet):
    def __init__(self):
        super().__init__(torchvision.models.resnet.Bottleneck, [3, 4, 6, 3])
        del self.fc
        self.fc1, self.fc2 = nn.Linear(2048 + 157, 1024), nn.Linear(1024, 1024)
        self.decpose, self.decshape, self.deccam = nn.Linear(1024, 144), nn.Linear(1024, 10), nn.Linear(1024, 3)
        for name, size in (("pose", 144), ("shape", 10), ("cam", 3)):
            self.register_buffer("init_" + name, torch.randn(1, size))

    def features(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))

    def forward(self, x):
        feature = self.features(x)
        pose, shape, cam = (b.expand(len(x), -1) for b in (self.init_pose, self.init_shape, self.init_cam))
        for _ in range(3):
            inner = self.fc2(self.fc1(torch.cat([feature, pose, shape, cam], 1)))
            pose, shape, cam = pose + self.decpose(inner), shape + self.decshape(inner), cam + self.deccam(inner)
        return feature, pose, shape, cam


job, checkpoint, images, answers = sys.argv[1:]
torch.manual_seed(3)
model = Spin().eval()
if job == "save":
    with torch.no_grad():
        for name, value in model.named_buffers():
            if name.endswith("running_mean"):
                value.normal_(0, 0.1)
            elif name.endswith("running_var"):
                value.uniform_(0.6, 1.4)
        for name, value in model.named_parameters():
            if value.dim() == 1:
                value.add_(0.1 * torch.randn_like(value))
            if name.endswith("bn3.weight"):
                value.mul_(0.4)
            if name.startswith("dec"):
                value.mul_(0.1)
    torch.save({"model": model.state_dict(), "epoch": 3, "batch_size": 64}, checkpoint)
else:
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"], strict=True)
with torch.no_grad():
    feature, pose, shape, cam = model(torch.from_numpy(np.load(images)))
np.savez(answers, feature=feature.numpy(), pose=pose.numpy(), betas=shape.numpy(), camera=cam.numpy())
