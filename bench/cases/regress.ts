/** @file The regressor without gradient: ResNet-50 and the iterative head, to rotations, betas and camera. */
import type { BenchCase } from "../case.ts";
import { finish } from "../finish.ts";
import { pictureTensor, steadyRegressor } from "../inputs.ts";
import { CROP, type Sizes } from "../options.ts";

/** One case per batch size. Ours normalises the pictures inside the timed call, the peer's are normalised beforehand. */
export function regressCases({ batches }: Sizes): BenchCase[] {
  return batches.map((batch) => ({
    id: `regress-${batch}`,
    label: `ResNet-50 and head, ${batch} ${batch === 1 ? "frame" : "frames"} at ${CROP}`,
    unit: "ms",
    sizes: { batch, size: CROP },
    peers: [{ name: "", args: ["regress", "--batch", `${batch}`] }],
    prepare: async () => {
      const regressor = steadyRegressor({ cropSize: CROP });
      const images = pictureTensor(batch, CROP);
      return {
        run: () => {
          const { rotations, betas, camera } = regressor.predict(images);
          finish(rotations);
          for (const tensor of [rotations, betas, camera]) tensor.dispose();
        },
        figure: (ms) => ms,
        dispose: () => {
          images.dispose();
          regressor.dispose();
        },
      };
    },
  }));
}
