/** @file All kernels of the torch engine. conformance/kernels.md lists them beside those of tfjs-node. */
import { blockKernels } from "./kernels/blocks.ts";
import { complexKernels } from "./kernels/complex.ts";
import { convolutionKernels } from "./kernels/convolution.ts";
import { convolution3dKernels } from "./kernels/convolution3d.ts";
import { croppingKernels } from "./kernels/cropping.ts";
import { dilationKernels } from "./kernels/dilation.ts";
import { elementwiseKernels } from "./kernels/elementwise.ts";
import { indexingKernels } from "./kernels/indexing.ts";
import type { KernelTable } from "./kernels/kernel.ts";
import { layoutKernels } from "./kernels/layout.ts";
import { matmulKernels } from "./kernels/matmul.ts";
import { networkKernels } from "./kernels/networks.ts";
import { normalisationKernels } from "./kernels/normalisation.ts";
import { optimiserKernels } from "./kernels/optimisers.ts";
import { poolingKernels } from "./kernels/pooling.ts";
import { reductionKernels } from "./kernels/reduction.ts";
import { resizingKernels } from "./kernels/resizing.ts";
import { samplingKernels } from "./kernels/sampling.ts";
import { scatteringKernels } from "./kernels/scattering.ts";

/** The kernels that run natively, by the file of src/engine/torch/kernels that holds them. */
export const kernelTables = {
  elementwise: elementwiseKernels,
  complex: complexKernels,
  reduction: reductionKernels,
  matmul: matmulKernels,
  layout: layoutKernels,
  blocks: blockKernels,
  indexing: indexingKernels,
  scattering: scatteringKernels,
  convolution: convolutionKernels,
  convolution3d: convolution3dKernels,
  pooling: poolingKernels,
  dilation: dilationKernels,
  normalisation: normalisationKernels,
  resizing: resizingKernels,
  cropping: croppingKernels,
  sampling: samplingKernels,
  networks: networkKernels,
  optimisers: optimiserKernels,
} as const satisfies Readonly<Record<string, KernelTable>>;

/** The same in one table, by tfjs name. */
export const torchKernels: KernelTable = Object.assign({}, ...Object.values(kernelTables));
