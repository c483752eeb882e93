/** @file RAFT's weights under the names of the official checkpoints and of torchvision. */
import { blockLayers, encoderStages, type RaftConfig, raftShapes } from "./raft-config.ts";
import { layoutOf, type WeightLayout } from "./weight-layout.ts";

/** Both layouts of RAFT files: "official" (princeton-vl/RAFT, keys begin with `module.`) and "torchvision". */
export function raftLayouts(config: RaftConfig): readonly [official: WeightLayout, torchvision: WeightLayout] {
  const shapes = raftShapes(config);
  const twins = shortcutTwins(config);
  const second = (name: string) => {
    const [block, norm] = [...twins].find(([prefix]) => name.startsWith(prefix)) ?? [];
    return block === undefined ? undefined : norm + name.slice(block.length);
  };
  return [
    layoutOf("official", "module.", shapes, (name) => name, second),
    layoutOf("torchvision", "", shapes, torchvisionName),
  ];
}

/** The official code registers a projected shortcut's norm twice: `downsample.1.` and the number after the block's own. */
function shortcutTwins(config: RaftConfig): Map<string, string> {
  const twins = new Map<string, string>();
  for (const { key, from, to, stride } of encoderStages(config)) {
    if (stride === 1) continue;
    const number = blockLayers(config, from, to, stride).length + 1;
    twins.set(`cnet.${key}.0.downsample.1.`, `cnet.${key}.0.norm${number}.`);
  }
  return twins;
}

const TORCHVISION: readonly (readonly [RegExp, string])[] = [
  [/^fnet\./, "feature_encoder."],
  [/^cnet\./, "context_encoder."],
  [/^(\w+_encoder)\.conv1\./, "$1.convnormrelu.0."],
  [/^(\w+_encoder)\.norm1\./, "$1.convnormrelu.1."],
  [/^(\w+_encoder)\.conv2\./, "$1.conv."],
  [/^(\w+_encoder\.layer\d\.\d)\.conv(\d)\./, "$1.convnormrelu$2.0."],
  [/^(\w+_encoder\.layer\d\.\d)\.norm(\d)\./, "$1.convnormrelu$2.1."],
  [/^update_block\.encoder\.convc(\d)\./, "update_block.motion_encoder.convcorr$1.0."],
  [/^update_block\.encoder\.convf(\d)\./, "update_block.motion_encoder.convflow$1.0."],
  [/^update_block\.encoder\.conv\./, "update_block.motion_encoder.conv.0."],
  [/^update_block\.gru\.conv([zrq])\./, "update_block.recurrent_block.convgru1.conv$1."],
  [/^update_block\.gru\.conv([zrq])(\d)\./, "update_block.recurrent_block.convgru$2.conv$1."],
  [/^update_block\.mask\.0\./, "mask_predictor.convrelu.0."],
  [/^update_block\.mask\.2\./, "mask_predictor.conv."],
];

function torchvisionName(official: string): string {
  return TORCHVISION.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), official);
}
