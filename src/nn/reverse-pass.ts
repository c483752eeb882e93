/**
 * @file Reverse-mode differentiation over tfjs's tape that frees as it goes.
 *
 * tfjs's own pass keeps every gradient and every saved tensor until its end, which for a deep network is several times what
 * the forward pass needs. Here a node's saved tensors and the gradients of its outputs are freed once the node is done.
 */
import { type Tensor, tf } from "../engine/tf.ts";
import { MotionCueError } from "../errors.ts";

type State = ReturnType<typeof tf.engine>["state"];
type Node = NonNullable<State["activeTape"]>[number];

/** A scalar and its gradients, in the order of the tensors asked for; undefined where it does not depend on one. */
export interface ScalarAndGradients {
  readonly value: tf.Scalar;
  readonly gradients: (Tensor | undefined)[];
}

/**
 * The value of `f` and its gradients with respect to `xs`; the caller disposes all of them. Not for use inside another
 * gradient. Throws MotionCueError where the tape cannot be differentiated; tensors are freed then, too.
 */
export function reverseGradients(f: () => tf.Scalar, xs: readonly Tensor[]): ScalarAndGradients {
  const { value, tape } = record(f);
  const gradients = new Map<number, Tensor>();
  try {
    const onPath = pathNodes(tape, xs, value);
    if (onPath.size === 0)
      throw new MotionCueError(
        "gradients",
        "expected a scalar that depends on what it is differentiated by, got another",
      );
    gradients.set(value.id, tf.ones(value.shape));
    for (const node of [...tape].reverse()) {
      if (onPath.has(node)) propagate(node, onPath.get(node)!, gradients);
      free(node);
    }
    const result = xs.map((x) => gradients.get(x.id));
    const wanted = new Set(xs.map(({ id }) => id));
    for (const [id, gradient] of gradients) if (!wanted.has(id)) gradient.dispose();
    return { value, gradients: result };
  } catch (error) {
    tape.forEach(free);
    tf.dispose([value, ...gradients.values()]);
    throw error;
  }
}

/** Runs `f` with tfjs's recording on. */
function record(f: () => tf.Scalar): { value: tf.Scalar; tape: Node[] } {
  const { state } = tf.engine();
  if (state.gradientDepth > 0) throw new MotionCueError("gradients", "expected no gradient being recorded already");
  const tape: Node[] = [];
  state.activeTape = tape;
  state.gradientDepth++;
  try {
    return { value: tf.tidy("forward", f), tape };
  } catch (error) {
    tape.forEach(free);
    throw error;
  } finally {
    state.gradientDepth--;
    Object.assign(state, { activeTape: null });
  }
}

function free(node: Node): void {
  tf.dispose(node.saved ?? []);
}

/** The nodes that lead from `xs` to `y`, each with the names of those inputs that depend on `xs`. */
function pathNodes(tape: readonly Node[], xs: readonly Tensor[], y: Tensor): Map<Node, string[]> {
  const fromX = new Set(xs.map(({ id }) => id));
  const inputsFromX = new Map<Node, string[]>();
  for (const node of tape) {
    const names = Object.keys(node.inputs).filter((name) => fromX.has(node.inputs[name]!.id));
    if (names.length === 0) continue;
    inputsFromX.set(node, names);
    for (const { id } of node.outputs) fromX.add(id);
  }
  const toY = new Set([y.id]);
  const result = new Map<Node, string[]>();
  for (const node of [...tape].reverse()) {
    const names = inputsFromX.get(node);
    if (!names || !node.outputs.some(({ id }) => toY.has(id))) continue;
    result.set(node, names);
    for (const name of names) toY.add(node.inputs[name]!.id);
  }
  return result;
}

/** Adds to the gradients of a node's inputs what comes from its outputs, whose own gradients are used up. */
function propagate(node: Node, names: readonly string[], gradients: Map<number, Tensor>): void {
  const ofOutputs = node.outputs.map(({ id }) => gradients.get(id));
  if (!node.gradient)
    throw new MotionCueError("gradients", `expected an operation with a gradient, got ${node.kernelName}`);
  const run = node.gradient;
  const added = tf.tidy(() => {
    // tfjs fills the gradients that are missing with zeros, though its types do not say so.
    const ofInputs = run(ofOutputs as Tensor[]);
    const sums = new Map<number, Tensor>();
    for (const name of names) {
      const input = node.inputs[name]!;
      const gradient = tf.tidy(() => ofInputs[name]!());
      if (gradient.shape.join() !== input.shape.join() || gradient.dtype !== "float32")
        throw new MotionCueError(
          "gradients",
          `expected a float32 gradient [${input.shape}] of ${name} from ${node.kernelName}, got ${gradient.dtype} [${gradient.shape}]`,
        );
      const sum = sums.get(input.id) ?? gradients.get(input.id);
      sums.set(input.id, sum ? tf.add(sum, gradient) : gradient);
    }
    // A gradient may be handed on as it came, as it was saved, or to two inputs; a copy of the handle is then its own.
    const taken = new Set<Tensor | undefined>([...ofOutputs, ...(node.saved ?? [])]);
    const own = (sum: Tensor) => {
      const result = taken.has(sum) ? tf.clone(sum) : sum;
      taken.add(sum);
      return result;
    };
    return Object.fromEntries([...sums].map(([id, sum]) => [id, own(sum)]));
  });
  for (const [id, sum] of Object.entries(added)) {
    gradients.get(Number(id))?.dispose();
    gradients.set(Number(id), sum);
  }
  for (const { id } of node.outputs) {
    gradients.get(id)?.dispose();
    gradients.delete(id);
  }
}
