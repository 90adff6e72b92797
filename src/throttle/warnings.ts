import type { Policy } from '../core/policy.ts'
import type { ThrottleSettings } from './options.ts'

/** What a pipeline tells whoever builds it, given the policies further in. */
export function warnings({ name, adaptive, distribute }: ThrottleSettings, inside: readonly Policy[]): string[] {
  const list: string[] = []
  if (adaptive === false) return list
  const retry = inside.find((policy) => policy.type === 'retry')
  if (retry !== undefined) list.push(`${name}: put it inside the retry "${retry.name}": outside it sees only what is left after trying again, and each call that it lets pass may be several`)
  if (distribute === 'shed' && !inside.some((policy) => policy.type === 'shed')) list.push(`${name}: distribute is 'shed', but no shed stands further in: nobody refuses for it`)
  return list
}
