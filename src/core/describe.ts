import { nameDuration } from './duration.ts'
import type { Plan } from './plan.ts'
import type { Policy } from './policy.ts'

export interface PolicyDescription {
  readonly type: string
  readonly name: string
  /** Effective options, defaults included. */
  readonly options: object
}

/** A pipeline's fold as data. */
export interface Description {
  readonly name: string
  /** Outermost first; the last stage stands around the function. */
  readonly nodes: readonly ({ readonly kind: 'stage'; readonly guards: readonly PolicyDescription[] } | ({ readonly kind: 'layer' } & PolicyDescription))[]
  readonly warnings: readonly string[]
}

export function describe(plan: Plan): Description {
  return {
    name: plan.name,
    nodes: plan.nodes.map((node) => (node.kind === 'stage' ? { kind: 'stage', guards: node.guards.map(facts) } : { kind: 'layer', ...facts(node.layer) })),
    warnings: [...plan.warnings],
  }
}

function facts(policy: Policy): PolicyDescription {
  return { type: policy.type ?? policy.name, name: policy.name, options: { ...policy.options } }
}

export function draw(plan: Plan): string {
  const parts = plan.nodes.map((node) => (node.kind === 'stage' ? `stage[${node.guards.map(label).join(' · ')}]` : label(node.layer)))
  return [...parts, 'your function'].join(' ─▶ ')
}

function label(policy: Policy): string {
  const { name, type = name } = policy
  const span = policy.kind === 'guard' && policy.timeoutMs !== undefined ? ` ${nameDuration(policy.timeoutMs)}` : ''
  return (name === type ? name : `${type} "${name}"`) + span
}
