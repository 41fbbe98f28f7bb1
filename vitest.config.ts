import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Packages load the CommonJS build of graphql, as Node itself does; two builds in one process do not know each other's classes.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/setup.ts',
    // Real processes, databases and disks: a file at a time on each of two cores.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
  },
});
