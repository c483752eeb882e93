/** @file The default body: a closed, symmetric, well-proportioned surface whose betas and pose corrections do what they say. */
import { describe, expect, it } from "vitest";
import { checkBodyArrays, partLabels, restJoints, shapedVertices } from "../../smpl/body-arrays.ts";
import { JOINT_COUNT, JOINT_NAMES, JOINTS, MIRROR_JOINTS, mirrorRotations, PARENTS } from "../../smpl/joints.ts";
import { BETA_NAMES } from "../../smpl/procedural/shape-directions.ts";
import { SKELETON } from "../../smpl/procedural/skeleton.ts";
import { proceduralBody } from "../../smpl/procedural-body.ts";
import { axisAngleToMatrixHost } from "../../src/geometry/rotation.ts";

const body = proceduralBody();
const V = body.vTemplate.length / 3;
const F = body.faces.length / 3;
const point = (p: ArrayLike<number>, v: number) => [p[3 * v]!, p[3 * v + 1]!, p[3 * v + 2]!] as const;

/** Volume in litres, positive for faces that run counter-clockwise seen from outside (divergence theorem). */
function litres(p: ArrayLike<number>): number {
  let six = 0;
  for (let f = 0; f < F; f++) {
    const [a, b, c] = [0, 1, 2].map((i) => [...point(p, body.faces[3 * f + i]!)]) as [number[], number[], number[]];
    six +=
      a[0]! * (b[1]! * c[2]! - b[2]! * c[1]!) +
      a[1]! * (b[2]! * c[0]! - b[0]! * c[2]!) +
      a[2]! * (b[0]! * c[1]! - b[1]! * c[0]!);
  }
  return (1000 * six) / 6;
}

/** How often the surface winds around a point: 1 inside, 0 outside (sum of solid angles, van Oosterom and Strackee). */
function winding(p: ArrayLike<number>, at: ArrayLike<number>): number {
  let total = 0;
  for (let f = 0; f < F; f++) {
    const [a, b, c] = [0, 1, 2].map((i) => point(p, body.faces[3 * f + i]!).map((x, k) => x - at[k]!)) as [
      number[],
      number[],
      number[],
    ];
    const dot = (x: number[], y: number[]) => x[0]! * y[0]! + x[1]! * y[1]! + x[2]! * y[2]!;
    const [la, lb, lc] = [a, b, c].map((x) => Math.sqrt(dot(x, x))) as [number, number, number];
    const volume =
      a[0]! * (b[1]! * c[2]! - b[2]! * c[1]!) +
      a[1]! * (b[2]! * c[0]! - b[0]! * c[2]!) +
      a[2]! * (b[0]! * c[1]! - b[1]! * c[0]!);
    total += 2 * Math.atan2(volume, la * lb * lc + dot(a, b) * lc + dot(b, c) * la + dot(c, a) * lb);
  }
  return total / (4 * Math.PI);
}

const extent = (p: ArrayLike<number>, axis: number) => {
  const values = Array.from({ length: V }, (_, v) => p[3 * v + axis]!);
  return [Math.min(...values), Math.max(...values)] as const;
};
const shaped = (name: string, value: number) => shapedVertices(body, oneBeta(name, value));
const oneBeta = (name: string, value: number) => BETA_NAMES.map((n) => (n === name ? value : 0));

describe("surface", () => {
  it("is closed and oriented: every edge runs once in each direction, and it is one sphere-like piece", () => {
    const edges = new Set<number>();
    body.faces.forEach((from, i) => {
      edges.add(from * V + body.faces[i % 3 === 2 ? i - 2 : i + 1]!);
    });
    expect(edges.size).toBe(3 * F);
    const lonely = [...edges].filter((edge) => !edges.has((edge % V) * V + Math.floor(edge / V)));
    expect(lonely).toEqual([]);
    expect(V - edges.size / 2 + F).toBe(2);
    expect(new Set(body.faces).size).toBe(V);
    expect(V).toBeGreaterThan(2000);
    expect(V).toBeLessThan(4000);
  });

  it("has outward faces, a person's volume and height, and the arms' span", () => {
    expect(litres(body.vTemplate)).toBeGreaterThan(55);
    expect(litres(body.vTemplate)).toBeLessThan(75);
    const [low, high] = extent(body.vTemplate, 1);
    expect(high - low).toBeCloseTo(1.72, 2);
    const [right, left] = extent(body.vTemplate, 0);
    expect(left - right).toBeGreaterThan(1.65);
    expect(left - right).toBeLessThan(1.8);
  });

  it("is evenly meshed: no slivers, no long edges", () => {
    const sides = Array.from({ length: F }, (_, f) => {
      const corners = [0, 1, 2].map((i) => point(body.vTemplate, body.faces[3 * f + i]!));
      return corners.map((c, i) => Math.hypot(...c.map((x, k) => x - corners[(i + 1) % 3]![k]!)));
    });
    expect(Math.max(...sides.flat())).toBeLessThan(0.06);
    expect(Math.max(...sides.map((s) => Math.max(...s) / Math.min(...s)))).toBeLessThan(6);
  });

  it("faces +z with the left arm at +x", () => {
    const label = partLabels(body);
    const mean = (joint: number, axis: number) => {
      const of = Array.from({ length: V }, (_, v) => v).filter((v) => label[v] === joint);
      return of.reduce((sum, v) => sum + body.vTemplate[3 * v + axis]!, 0) / of.length;
    };
    expect(mean(JOINTS.leftHand, 0)).toBeGreaterThan(0.7);
    expect(mean(JOINTS.leftFoot, 2)).toBeGreaterThan(mean(JOINTS.leftAnkle, 2) + 0.05);
    expect(new Set(label).size).toBe(JOINT_COUNT);
  });

  it("is mirror-symmetric in vertices, weights and betas", () => {
    const key = (x: number, y: number, z: number) => [x, y, z].map((c) => Math.round(c * 1e6) + 0).join(",");
    const index = new Map(Array.from({ length: V }, (_, v) => [key(...point(body.vTemplate, v)), v]));
    let worst = 0;
    const compare = (a: number, b: number) => {
      worst = Math.max(worst, Math.abs(a - b));
    };
    for (let v = 0; v < V; v++) {
      const [x, y, z] = point(body.vTemplate, v);
      const other = index.get(key(-x, y, z)) ?? -1;
      if (other < 0) throw new Error(`no mirror image of vertex ${v}`);
      for (let j = 0; j < JOINT_COUNT; j++)
        compare(body.lbsWeights[v * JOINT_COUNT + j]!, body.lbsWeights[other * JOINT_COUNT + MIRROR_JOINTS[j]!]!);
      for (let i = 0; i < 30; i++)
        compare(body.shapeDirs[30 * v + i]!, (i < 10 ? -1 : 1) * body.shapeDirs[30 * other + i]!);
    }
    expect(worst).toBeLessThan(1e-6);
  });
});

describe("skin and skeleton", () => {
  it("fits SMPL's layout, with at most four joints per vertex", () => {
    expect(checkBodyArrays("default body", body)).toEqual({
      vertexCount: V,
      jointCount: 24,
      betaCount: 10,
      faceCount: F,
    });
    expect(BETA_NAMES.length).toBe(10);
    for (let v = 0; v < V; v++) {
      const row = body.lbsWeights.subarray(v * JOINT_COUNT, (v + 1) * JOINT_COUNT);
      expect(row.filter((w) => w > 0).length).toBeLessThanOrEqual(4);
      expect(Math.min(...row)).toBeGreaterThanOrEqual(0);
    }
  });

  it("regresses the joints of the skeleton, the pelvis at the origin", () => {
    const joints = restJoints(body);
    SKELETON.forEach((joint, j) => {
      joint.forEach((x, a) => {
        expect(joints[3 * j + a]).toBeCloseTo(x - SKELETON[0]![a]!, 5);
      });
    });
  });

  it("keeps all joints inside the body, at two deviations of every beta too", () => {
    const shapes = [[], ...BETA_NAMES.flatMap((name) => [oneBeta(name, -2), oneBeta(name, 2)])];
    for (const betas of shapes) {
      const vertices = shapedVertices(body, betas);
      const joints = restJoints(body, betas);
      JOINT_NAMES.forEach((name, j) => {
        expect(winding(vertices, joints.subarray(3 * j, 3 * j + 3)), `${name} of ${betas}`).toBeCloseTo(1, 2);
      });
    }
  });
});

describe("betas", () => {
  const height = (p: ArrayLike<number>) => extent(p, 1)[1] - extent(p, 1)[0];
  const bone = (name: string, value: number, joint: number) => {
    const joints = restJoints(body, oneBeta(name, value));
    return Math.hypot(...[0, 1, 2].map((a) => joints[3 * joint + a]! - joints[3 * PARENTS[joint]! + a]!));
  };
  const change = (name: string, joint: number) => bone(name, 2, joint) / bone(name, -2, joint);

  it("height scales the whole person", () => {
    expect(height(shaped("height", 2)) - height(shaped("height", -2))).toBeCloseTo(0.227, 2);
    expect(change("height", JOINTS.leftKnee)).toBeCloseTo(1.066 / 0.934, 1);
  });
  it("weight and muscle add volume, not height", () => {
    for (const [name, least] of [
      ["weight", 35],
      ["muscle", 10],
      ["belly", 3],
    ] as const) {
      expect(litres(shaped(name, 2)) - litres(shaped(name, -2)), name).toBeGreaterThan(least);
      expect(height(shaped(name, 2)), name).toBeCloseTo(height(shaped(name, -2)), 2);
    }
  });
  it("leg, arm and torso length change those bones alone", () => {
    expect(change("leg length", JOINTS.leftAnkle)).toBeGreaterThan(1.12);
    expect(change("arm length", JOINTS.leftWrist)).toBeGreaterThan(1.12);
    expect(change("torso length", JOINTS.spine2)).toBeGreaterThan(1.1);
    expect(change("leg length", JOINTS.leftWrist)).toBeCloseTo(1, 1);
    expect(change("arm length", JOINTS.leftAnkle)).toBeCloseTo(1, 2);
  });
  it("shoulder and hip width move those joints apart", () => {
    const apart = (name: string, left: number, right: number) => {
      const span = (value: number) => {
        const joints = restJoints(body, oneBeta(name, value));
        return joints[3 * left]! - joints[3 * right]!;
      };
      return span(2) - span(-2);
    };
    expect(apart("shoulder width", JOINTS.leftShoulder, JOINTS.rightShoulder)).toBeGreaterThan(0.06);
    expect(apart("hip width", JOINTS.leftHip, JOINTS.rightHip)).toBeGreaterThan(0.02);
    expect(Math.abs(apart("hip width", JOINTS.leftShoulder, JOINTS.rightShoulder))).toBeLessThan(0.01);
  });
  it("head size changes the head", () => {
    const head = (value: number) => height(shaped("head size", value));
    expect(head(2) - head(-2)).toBeGreaterThan(0.02);
  });
});

describe("pose blend shapes", () => {
  it("give a twisted wrist its thickness back, where plain skinning loses a fifth", () => {
    const joint = JOINTS.leftWrist;
    const rest = restJoints(body).subarray(3 * joint, 3 * joint + 3);
    const turn = axisAngleToMatrixHost([Math.PI / 2, 0, 0]);
    const following = (v: number) =>
      body.lbsWeights[v * JOINT_COUNT + joint]! + body.lbsWeights[v * JOINT_COUNT + JOINTS.leftHand]!;
    const half = Array.from({ length: V }, (_, v) => v).filter((v) => Math.abs(following(v) - 0.5) < 0.15);
    expect(half.length).toBeGreaterThan(4);
    for (const v of half) {
      const share = following(v);
      const skinned = (corrected: boolean) => {
        const q = [0, 1, 2].map((a) => {
          const row = (3 * v + a) * 207 + 9 * (joint - 1);
          const offset = turn.reduce((sum, r, i) => sum + (r - (i % 4 === 0 ? 1 : 0)) * body.poseDirs[row + i]!, 0);
          return body.vTemplate[3 * v + a]! - rest[a]! + (corrected ? offset : 0);
        });
        const y = (1 - share) * q[1]! + share * (turn[4]! * q[1]! + turn[5]! * q[2]!);
        const z = (1 - share) * q[2]! + share * (turn[7]! * q[1]! + turn[8]! * q[2]!);
        return Math.hypot(y, z);
      };
      const thick = Math.hypot(body.vTemplate[3 * v + 1]! - rest[1]!, body.vTemplate[3 * v + 2]! - rest[2]!);
      expect(skinned(false) / thick).toBeLessThan(0.8);
      expect(skinned(true) / thick).toBeCloseTo(1, 2);
    }
  });

  it("vanish far from joints", () => {
    const label = partLabels(body);
    const middle = Array.from({ length: V }, (_, v) => v).find(
      (v) => label[v] === JOINTS.leftShoulder && Math.abs(body.vTemplate[3 * v]! - 0.3) < 0.02,
    )!;
    expect(Math.max(...body.poseDirs.subarray(middle * 621, (middle + 1) * 621).map(Math.abs))).toBeLessThan(1e-3);
  });
});

describe("joints", () => {
  it("mirror themselves back, and the mirror of a pose exchanges the sides", () => {
    expect(MIRROR_JOINTS.map((m) => MIRROR_JOINTS[m])).toEqual(JOINT_NAMES.map((_, j) => j));
    expect(MIRROR_JOINTS[JOINTS.leftElbow]).toBe(JOINTS.rightElbow);
    const pose = new Float64Array(72);
    pose.set([0.3, -0.5, 0.9], 3 * JOINTS.leftElbow);
    const mirrored = mirrorRotations(axisAngleToMatrixHost(pose));
    // Mirrored in x, an axis-angle vector keeps x and changes the sign of y and z.
    const expected = axisAngleToMatrixHost([0.3, 0.5, -0.9]);
    expected.forEach((value, i) => {
      expect(mirrored[9 * JOINTS.rightElbow + i]).toBeCloseTo(value, 6);
    });
  });
});
