/** @file The errors a caller may want to tell apart. Every message reads `where: what was expected, got what; what to do`. */

/** Any failure that MotionCue explains itself. `exitCode` is what the command line ends with: 1 work failed, 2 wrong usage. */
export class MotionCueError extends Error {
  readonly exitCode: 1 | 2;
  constructor(where: string, problem: string, exitCode: 1 | 2 = 1) {
    super(`${where}: ${problem}`);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}

/** An option, argument or combination of them that cannot be used. Exit code 2. */
export class OptionError extends MotionCueError {
  constructor(where: string, problem: string) {
    super(where, problem, 2);
  }
}

/** A tensor or array of the wrong shape. */
export class ShapeError extends MotionCueError {
  constructor(where: string, expected: string, actual: ArrayLike<number>) {
    super(where, `expected shape ${expected}, got [${Array.from(actual).join(", ")}]`);
  }
}

/** A file that is missing, broken, hostile or of another kind than was asked for. `where` is its path. */
export class FormatError extends MotionCueError {}

/** A loss, gradient or prediction that is NaN or infinite; the step that met it was not taken. */
export class NonFiniteError extends MotionCueError {}
