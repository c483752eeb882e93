/** @file ResNet-18: two units of two 3x3 convolutions per stage; 512 features at width 64. */
import { resnet } from "./resnet.ts";

export const resnet18 = resnet("ResNet-18 (He et al. 2016), torchvision's names", "basic", [2, 2, 2, 2]);
