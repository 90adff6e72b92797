import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'
import { entries, root } from './support/package.ts'

export default defineConfig({
  root,
  resolve: {
    alias: Object.entries(entries).map(([specifier, file]) => ({ find: new RegExp(`^${specifier}$`), replacement: resolve(root, file) })),
  },
  test: {
    include: ['test/**/*.spec.ts'],
    // Type errors elsewhere are told by `npm run types`.
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], ignoreSourceErrors: true },
    // A worker thread does not accept --expose-gc, which the leak tests need.
    pool: 'forks',
    execArgv: ['--expose-gc'],
    maxWorkers: '100%',
    reporters: ['default'],
    restoreMocks: true,
    // Laws run a thousand stories each, and a busy machine is no failure.
    testTimeout: 30_000,
    silent: 'passed-only',
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: [['text', { skipFull: true }], 'html'],
      thresholds: { lines: 97 },
    },
  },
})
