import { createRequire } from 'node:module'
import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Subject } from '../case.ts'
import { cockatiel, type Cockatiel } from './cockatiel.ts'
import { effect, type Effect } from './effect.ts'
import { mollitia, type Mollitia } from './mollitia.ts'
import { opossum, type Opossum } from './opossum.ts'
import { pLimit, type PLimit, pRetry, type PRetry } from './small.ts'
import { withTold } from './told.ts'

export interface Loaded {
  readonly subjects: readonly Subject[]
  /** Those that are not installed, or do not run on this Node, each with the reason. */
  readonly missing: readonly string[]
}

/** The libraries that are measured beside spillway, as far as `folder` (that of bench/package.json) has them in its node_modules. */
export async function loadPeers(folder: string): Promise<Loaded> {
  const require = createRequire(pathToFileURL(`${folder}/package.json`))
  const subjects: Subject[] = []
  const missing: string[] = []
  const get = async (specifier: string): Promise<unknown> => import(/* @vite-ignore */ pathToFileURL(require.resolve(specifier)).href)
  const add = async (name: string, make: (version: string) => Promise<Subject>): Promise<void> => {
    try {
      const { version } = JSON.parse(readFileSync(`${folder}/node_modules/${name}/package.json`, 'utf8')) as { version: string }
      subjects.push(withTold(await make(version)))
    } catch (error) {
      missing.push(`${name}, ${existsSync(`${folder}/node_modules/${name}`) ? (error as Error).message.split('\n')[0] : 'which is not installed'}`)
    }
  }
  await add('opossum', async (version) => opossum(((await get('opossum')) as { default: Opossum }).default, version))
  await add('cockatiel', async (version) => cockatiel((await get('cockatiel')) as Cockatiel, version))
  await add('mollitia', async (version) => mollitia((await get('mollitia')) as Mollitia, version))
  await add('p-retry', async (version) => pRetry(((await get('p-retry')) as { default: PRetry }).default, version))
  await add('p-limit', async (version) => pLimit(((await get('p-limit')) as { default: PLimit }).default, version))
  await add('effect', async (version) => {
    const { Effect, Scope } = (await get('effect')) as Effect
    const { CircuitBreaker } = (await get('effect/persistence')) as Pick<Effect, 'CircuitBreaker'>
    return effect({ Effect, Scope, CircuitBreaker }, version)
  })
  return { subjects, missing }
}
