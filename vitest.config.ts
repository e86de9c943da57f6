import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      // Node loads graphql's CommonJS build for everybody; Vite would pick its ES build for our own
      // files, and graphql-js refuses types from two copies of itself.
      { find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') },
      // The SDK as it is written: tests must not pass, or fail, on a stale build of it.
      { find: /^@tickloom\/sdk$/, replacement: path('sdk/index.ts') },
      { find: /^@tickloom\/sdk\/testing$/, replacement: path('sdk/testing/index.ts') },
      { find: /^@tickloom\/sdk\/generate$/, replacement: path('sdk/generate/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Beyond `quick` (test/budget.ts) one test walks through every crash point.
    testTimeout: process.env.CI === 'true' || process.env.TICKLOOM_TEST_BUDGET ? 300_000 : 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Two cores: test files that start servers and ClickHouse children would starve each other.
    maxWorkers: 2,
  },
});
