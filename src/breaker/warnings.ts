import type { Policy } from '../core/policy.ts'
import type { BreakerSettings, Stated } from './options.ts'

/** What a pipeline tells whoever builds it, given the policies further in. */
export function warnings(said: Stated, { name, windowCalls, probes }: BreakerSettings, inside: readonly Policy[]): string[] {
  const list: string[] = []
  const { minimumThroughput } = said
  if (windowCalls !== undefined && minimumThroughput !== undefined && minimumThroughput > windowCalls && minimumThroughput !== Infinity) {
    list.push(`${name}: minimumThroughput ${minimumThroughput} is above windowCalls ${windowCalls} and could never be reached: it counts as ${windowCalls}`)
  }
  const { leaseMs } = probes
  const timeoutMs = Math.min(...inside.map((policy) => ('timeoutMs' in policy && policy.timeoutMs) || Infinity))
  if (leaseMs !== undefined && timeoutMs < Infinity && timeoutMs > leaseMs) {
    list.push(`${name}: a probe may take ${timeoutMs} ms (the timeout inside), but decides nothing once its lease of ${leaseMs} ms has ended: raise probes.leaseMs`)
  }
  return list
}
