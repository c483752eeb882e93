import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Against what hangs, not against what is slow: machines differ by a factor of five.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
