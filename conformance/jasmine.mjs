/** @file jasmine-core 3.5 (the version that tfjs-core's tests are written for), booted in Node. */
import jasmineRequire from "jasmine-core";

/**
 * Defines jasmine's globals, calls `load` (which defines specs), and runs in order the specs that `choose` takes.
 * A spec for which `excluded` gives something is not run and is listed with it. Resolves to
 * `{ passed, failed: [{ name, messages }], excluded: [{ name, by }], seconds }`.
 */
export function runJasmine({ load, choose, excluded }) {
  const jasmine = jasmineRequire.boot(jasmineRequire);
  jasmine.DEFAULT_TIMEOUT_INTERVAL = 600_000;
  const env = jasmine.getEnv();
  const results = { passed: [], failed: [], excluded: [], seconds: 0 };
  const seen = new Set();
  env.configure({
    random: false,
    specFilter: (spec) => {
      const name = spec.getFullName();
      if (!choose(name)) return false;
      const by = excluded(name);
      if (by && !seen.has(spec)) results.excluded.push({ name, by });
      seen.add(spec);
      return !by;
    },
  });
  load();
  const started = performance.now();
  // Specs of tfjs's debug mode print tables; what is of interest here is in the results.
  const { log, warn } = console;
  console.log = console.warn = () => {};
  return new Promise((resolve) => {
    const fail = (name, expectations) =>
      results.failed.push({ name, messages: expectations.map(({ message }) => message.slice(0, 600)) });
    env.addReporter({
      specDone: ({ status, fullName, failedExpectations }) => {
        if (status === "passed") results.passed.push(fullName);
        else if (status === "failed") fail(fullName, failedExpectations);
      },
      suiteDone: ({ fullName, failedExpectations }) => {
        if (failedExpectations.length > 0) fail(fullName, failedExpectations);
      },
      jasmineDone: ({ failedExpectations }) => {
        if (failedExpectations.length > 0) fail("(outside of any spec)", failedExpectations);
        Object.assign(console, { log, warn });
        results.seconds = (performance.now() - started) / 1000;
        resolve(results);
      },
    });
    env.execute();
  });
}
