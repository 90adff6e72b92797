import { readdirSync, readFileSync } from 'node:fs'
import { tableOf } from './report.ts'

interface Profile {
  readonly nodes: readonly { readonly id: number, readonly callFrame: { readonly functionName: string, readonly url: string, readonly lineNumber: number } }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Where the time of a run went, function by function, from what `--cpu-prof` has left in `folder`. */
export function profileOf(folder: string, most = 30): string {
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error(`There is no profile in ${folder}`)
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as Profile
  const names = new Map(nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [id, `${functionName || '(anonymous)'} ${url === '' ? '' : `${url.split('/').at(-1)}:${lineNumber + 1}`}`]))
  const spent = new Map<string, number>()
  let total = 0
  for (const [at, id] of samples.entries()) {
    const name = names.get(id)!
    if (name.startsWith('(idle)')) continue
    spent.set(name, (spent.get(name) ?? 0) + timeDeltas[at]!)
    total += timeDeltas[at]!
  }
  const top = [...spent].toSorted(([, a], [, b]) => b - a).slice(0, most)
  return tableOf(['function', '', '% of the time'], top.map(([name, us]) => [name, '', ((100 * us) / total).toFixed(1)]))
}
