import type { Subject, Work } from '../case.ts'

/** What is used of p-retry 7 and p-limit 7: one policy each, without an instance to keep. */
export type PRetry = (fn: (attempt: number) => unknown, options: object) => Promise<unknown>
export type PLimit = (slots: number) => (fn: () => unknown) => Promise<unknown>

export const pRetry = (lib: PRetry, version: string): Subject => ({
  name: 'p-retry',
  version,
  rows: {
    retry: (work: Work) => () => lib(work, { retries: 2, minTimeout: 100 }),
    'retry twice, no delay': (_work, script) => () => lib(script(), { retries: 2, minTimeout: 0 }),
  },
})

export const pLimit = (lib: PLimit, version: string): Subject => ({
  name: 'p-limit',
  version,
  rows: {
    bulkhead: (work: Work) => {
      const limit = lib(10)
      return () => limit(work)
    },
  },
})
