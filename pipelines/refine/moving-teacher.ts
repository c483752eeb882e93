/** @file A teacher that follows the network it teaches: the moving average of its weights (Tarvainen & Valpola 2017). */
import { tf } from "../../src/engine/tf.ts";
import { type Parameters, parameter, trainable } from "../../src/nn/parameters.ts";

/** Moves the trainable parameters of `teacher` to decay * teacher + (1 - decay) * student. */
export function followStudent(teacher: Parameters, student: Parameters, decay: number): void {
  for (const [key, variable] of trainable(teacher)) {
    tf.tidy(() => {
      const own = parameter(student, key);
      variable.assign(tf.add(variable, tf.mul(tf.sub(own, variable), 1 - decay)));
    });
  }
}
