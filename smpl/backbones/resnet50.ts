/** @file ResNet-50: 3, 4, 6, 3 bottleneck units; 2048 features at width 64. What SPIN, EFT and HMR checkpoints hold. */
import { resnet } from "./resnet.ts";

export const resnet50 = resnet("ResNet-50 (He et al. 2016), torchvision's names, stride on the 3x3 convolution", "bottleneck", [3, 4, 6, 3]); // biome-ignore format: one line
