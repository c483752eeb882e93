/** @file Rows of a large table by index, with a gradient whose cost does not grow with the table. */
import { type Tensor, tf } from "../src/engine/tf.ts";

/**
 * The rows [N,...] of `table` [M,...] at int32 `index` [N]. tfjs's own gradient of a gather visits all N numbers for each
 * of the M rows on engines without a kernel for it; this one adds each to its row.
 */
export function gatherRows(table: Tensor, index: tf.Tensor1D): Tensor {
  const gather = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const [rows, save] = args as [Tensor, tf.GradSaveFunc];
    save([index]);
    const gradFunc = (dy: Tensor, [at]: Tensor[]) => tf.scatterND(tf.expandDims(at!, 1), dy, rows.shape);
    return { value: tf.gather(rows, index), gradFunc };
  });
  return gather(table);
}
