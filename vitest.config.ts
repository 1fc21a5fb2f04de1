import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Tests run on the sources: without the condition they would silently test a stale dist. "module" means files for bundlers, which Node can't load.
  ssr: {
    resolve: { conditions: ['eventsourced-source', ...defaultServerConditions.filter((one) => one !== 'module')] },
  },
  test: {
    include: ['{packages,tools,examples,benchmarks,docs}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.chaos.test.ts'],
    globalSetup: ['tools/src/vitest-global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
