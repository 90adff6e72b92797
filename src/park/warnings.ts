import { nameDuration } from '../core/duration.ts'
import type { Policy } from '../core/policy.ts'
import type { ParkSettings } from './options.ts'

/** What a pipeline tells whoever builds it. */
export function warnings({ name, maxWaitMs }: ParkSettings, list: readonly Policy[], index: number): string[] {
  const outside = list.slice(0, index)
  const told: string[] = []
  if (!list.some((policy) => policy.kind === 'guard' && (policy.pressure !== undefined || policy.share !== undefined))) {
    told.push(`${name}: nobody ever waits, for no other guard of the pipeline presses: add a breaker, a throttle or a limit`)
  }
  const held = outside.find(({ type }) => type === 'breaker' || type === 'throttle' || type === 'adaptiveLimit' || type === 'bulkhead')
  if (held !== undefined) told.push(`${name}: put it outside "${held.name}", which is asked before the wait and not after it, and which who waits would hold`)
  const timeoutMs = Math.min(...outside.map((policy) => ('timeoutMs' in policy && policy.timeoutMs) || Infinity))
  if (timeoutMs <= maxWaitMs && timeoutMs < Infinity) {
    told.push(`${name}: the timeout of ${nameDuration(timeoutMs)} outside it ends every wait before maxWaitMs (${nameDuration(maxWaitMs)}) does: put the timeout inside, or lower maxWaitMs`)
  }
  return told
}
