import type { Policy } from '../core/policy.ts'
import type { ShedSettings } from './options.ts'

/** What a pipeline tells whoever builds it. */
export function warnings({ name, load, share, table }: ShedSettings, list: readonly Policy[]): string[] {
  if (load.length > 0 || share !== undefined || table !== false || list.some(presses)) return []
  return [`${name}: it refuses nobody, for no other guard of the pipeline presses: give it a load or a share, or add a breaker or a limit`]
}

function presses(policy: Policy): boolean {
  return policy.kind === 'guard' && policy.type !== 'shed' && (policy.pressure !== undefined || policy.share !== undefined)
}
