import type { Recorder } from '../metrics/recorder.ts'
import type { Plain, PolicyDescriptionSnapshot } from '../metrics/snapshot.ts'
import { brief } from './label.ts'
import { idOf } from './picture.ts'
import type { Configuration } from './wire.ts'

/** A pipeline as its recorder knows it. */
export interface Found {
  readonly recorder: Recorder
  readonly name: string
}

/** The pipeline that the page knows by this id. */
export function find(recorders: readonly Recorder[], id: string): Found | undefined {
  for (const [i, recorder] of recorders.entries()) {
    const one = recorder.snapshot({ series: false, config: false, detail: false }).pipelines.find(({ name }) => idOf(name, i) === id)
    if (one !== undefined) return { recorder, name: one.name }
  }
  return undefined
}

/** What is in force in a pipeline, defaults included. */
export function configurationOf(id: string, { recorder, name }: Found): Configuration {
  const one = recorder.snapshot({ series: false, only: (asked) => asked === name }).pipelines[0]
  const policies = (one?.nodes ?? []).flatMap((node) => (node.kind === 'stage' ? node.guards : [node]))
  return { id, fold: brief(one?.fold ?? '', 2_000), policies: policies.map(policyOf), warnings: (one?.warnings ?? []).map((text) => brief(text)) }
}

function policyOf({ name, type, options }: PolicyDescriptionSnapshot): Configuration['policies'][number] {
  const said = Object.entries(options).filter(([option]) => option !== 'name')
  return { name: brief(name, 100), type: brief(type, 100), options: said.flatMap(([option, value]) => lines(option, value)) }
}

/** Nested options by their path: `probes.total`. */
function lines(path: string, value: Plain): (readonly [string, string])[] {
  if (typeof value !== 'object' || value === null) return [[brief(path, 100), brief(String(value))]]
  if (Array.isArray(value)) return [[brief(path, 100), brief(value.map(String).join(', '))]]
  return Object.entries(value).flatMap(([key, inner]) => lines(`${path}.${key}`, inner))
}
