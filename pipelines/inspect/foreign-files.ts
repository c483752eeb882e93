/** @file Files that people have from elsewhere and that cannot be shipped: how to know them, get them and use them. */

export interface ForeignFile {
  readonly topic: "weights" | "body";
  readonly name: string;
  /** Matches the paths of such files. */
  readonly pattern: RegExp;
  /** The option it is passed to. */
  readonly use: string;
  /** Where it comes from. */
  readonly source: string;
}

export const FOREIGN_FILES: readonly ForeignFile[] = [
  {
    topic: "weights",
    name: "raft-small",
    pattern: /raft[-_]small[^/]*\.(pth|pt|safetensors)$/i,
    use: "--flow raft-small --flow-weights FILE",
    source: "raft-small.pth of princeton-vl/RAFT, or torchvision's raft_small",
  },
  {
    topic: "weights",
    name: "raft-large",
    pattern: /raft[-_](large|things|sintel|kitti|chairs)[^/]*\.(pth|pt|safetensors)$/i,
    use: "--flow raft-large --flow-weights FILE",
    source: "raft-things.pth and others of princeton-vl/RAFT, or torchvision's raft_large",
  },
  {
    topic: "weights",
    name: "neuflow-v2",
    pattern: /neuflow[^/]*\.(pth|pt|ckpt|safetensors)$/i,
    use: "--flow neuflow-v2 --flow-weights FILE",
    source: "neuflow_mixed.pth and others of neufieldrobotics/NeuFlow_v2",
  },
  {
    topic: "weights",
    name: "hmr regressor",
    pattern: /(spin|hmr|eft|model_checkpoint)[^/]*\.(pth|pt|ckpt)$/i,
    use: "--regressor FILE",
    source: "a checkpoint of the SPIN family (register with its authors)",
  },
  {
    topic: "body",
    name: "smpl",
    pattern: /(smpl(?!_mean_params)|basicmodel)[^/]*\.(npz|pkl)$/i,
    use: "--body FILE",
    source: "register at smpl.is.tue.mpg.de; the .pkl as downloaded",
  },
];
