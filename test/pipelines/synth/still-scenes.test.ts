import { describe, expect, it } from "vitest";
import { castingKey, sceneChoice } from "../../../pipelines/synth/casting.ts";
import { createScene, createWorld, SCENE_STYLES } from "../../../pipelines/synth/world.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";

const world = createWorld(proceduralBody());

describe("a still camera", () => {
  it.each(SCENE_STYLES)("stays where the moving one of the %s scene is in the middle", async (style) => {
    const casting = { style, camera: "still" } as const;
    let moved = 0;
    for (let index = 0; index < 6; index++) {
      const choice = await sceneChoice(casting, 5, index, 4);
      const { camera: _camera, ...moving } = choice;
      const [still, free] = [choice, moving].map((one) => createScene(world, 5, index, one).path);
      expect(still!.at(0)).toEqual(free!.at(2));
      expect(still!.at(3.7)).toEqual(still!.at(0));
      if (JSON.stringify(free!.at(3.7)) !== JSON.stringify(free!.at(0))) moved++;
    }
    expect(moved).toBeGreaterThan(0);
  });

  it("makes another set of footage, and none where it is not asked for", () => {
    expect(castingKey(world, { camera: "still" })).toMatchObject({ camera: "still" });
    expect(castingKey(world, {})).not.toHaveProperty("camera");
  });
});
