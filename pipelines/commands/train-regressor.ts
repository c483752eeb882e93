/** @file `motioncue train regressor`: a base regressor on few labelled pictures. */
import { defineCommand } from "../cli.ts";
import { trainRegressor } from "../train/regressor.ts";
import { TRAIN_REGRESSOR_OPTIONS } from "../train/regressor-options.ts";

export const trainRegressorCommand = defineCommand({
  name: "regressor",
  summary: "Train a base regressor on few labelled pictures, synthetic or your own.",
  arguments: [],
  options: TRAIN_REGRESSOR_OPTIONS,
  example: "train regressor --stills 2000 --out runs/base",
  async run(context, _args, options) {
    const result = await trainRegressor(options, context);
    const { steps, before, after, regressor } = result;
    const errors = [before, after].map((e) => `PA-MPJPE ${e.paMpjpe.toFixed(1)} mm, MPJPE ${e.mpjpe.toFixed(1)} mm`);
    const text = `${steps} steps, on held-out pictures ${errors[0]} before, ${errors[1]} after; wrote ${regressor}`;
    return { text, data: result };
  },
});
