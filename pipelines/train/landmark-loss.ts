/** @file A lesson for backbones whose features are landmarks: the first 24 of them are to be the joints. */
import { type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";

const JOINTS = 24;

/**
 * Cross-entropy of the softmax of maps 0..23 of [B,H,W,K] against the joints' places, each spread bilinearly over four
 * cells, nats, mean over the joints that are known and inside. Joints [B,24,3]: x, y in -1..1 across the crop's outer edges,
 * confidence. Connected, and 0, where none is.
 */
export function landmarkLoss(maps: Tensor4D, joints: Tensor3D): tf.Scalar {
  const [batch, rows, columns] = maps.shape;
  const cells = rows * columns;
  const places = joints.dataSync<"float32">();
  const targets = new Float32Array(batch * JOINTS * cells);
  let known = 0;
  for (let i = 0; i < batch * JOINTS; i++) {
    const u = ((places[3 * i]! + 1) * columns) / 2 - 0.5;
    const v = ((places[3 * i + 1]! + 1) * rows) / 2 - 0.5;
    if (places[3 * i + 2]! <= 0 || !(u >= 0 && v >= 0 && u < columns - 1 && v < rows - 1)) continue;
    known++;
    const [x, y] = [Math.floor(u), Math.floor(v)];
    const at = i * cells + y * columns + x;
    targets[at] = (1 - u + x) * (1 - v + y);
    targets[at + 1] = (u - x) * (1 - v + y);
    targets[at + columns] = (1 - u + x) * (v - y);
    targets[at + columns + 1] = (u - x) * (v - y);
  }
  return tf.tidy(() => {
    const taught = tf.slice(maps, [0, 0, 0, 0], [batch, rows, columns, JOINTS]);
    const likelihood = tf.logSoftmax(tf.transpose(tf.reshape(taught, [batch, cells, JOINTS]), [0, 2, 1]));
    const agreement = tf.sum(tf.mul(likelihood, tf.tensor3d(targets, [batch, JOINTS, cells])));
    return tf.div<tf.Scalar>(agreement, -Math.max(1, known));
  });
}
