import { show, wrongType } from './options.ts'
import type { Clock } from './clock.ts'
import { passesOf } from './own.ts'
import type { Node, Plan } from './plan.ts'
import type { Guard, Host, Policy } from './policy.ts'
import { Stage } from './stage.ts'

interface Folded {
  readonly nodes: readonly Node[]
  readonly stepsBefore: readonly number[]
  readonly host: Host
  readonly warnings: readonly string[]
}

/** The clock each policy lives on: that of the first pipeline that folded it. */
const clocks = new WeakMap<object, Clock>()

/** Folds a flat list, once: neighbouring guards become one stage, a layer ends the run, and a stage stands around the function. */
export function fold(plan: Plan): Folded {
  const { policies } = plan
  const nodes: Node[] = []
  const stepsBefore: number[] = []
  let run: Guard[] = []
  let steps = 0
  const put = (node: Node): void => {
    nodes.push(node)
    stepsBefore.push(steps)
    if (node.kind === 'step') steps++
  }
  policies.forEach((policy, i) => check(plan.name, policies, policy, i))
  for (const policy of policies) {
    if (policy.kind === 'guard') run.push(policy)
    else {
      if (run.length > 0) put(new Stage(run, false, plan))
      run = []
      // oxlint-disable-next-line typescript/unbound-method -- it is called with its layer as `this`
      const { after } = policy
      put({ kind: after === undefined ? 'surround' : 'step', layer: policy, after, passes: passesOf(policy) })
    }
  }
  put(new Stage(run, true, plan))
  const host = hostOf(plan)
  for (const policy of policies) checkClock(policy, host)
  bindAll(policies, host)
  return { nodes, stepsBefore, host, warnings: policies.flatMap((policy, i) => policy.warn?.(policies, i) ?? []) }
}

function check(pipeline: string, list: readonly Policy[], policy: unknown, i: number): void {
  const where = `policies[${i}] of the pipeline ${show(pipeline)}`
  if (typeof policy !== 'object' || policy === null) {
    wrongType(where, typeof policy === 'function' ? 'a policy; call the factory, such as breaker()' : 'a policy', policy)
  }
  const { kind, name } = policy as Policy
  if (typeof name !== 'string') wrongType(`name of ${where}`, 'a string', name)
  if (kind === 'guard') {
    if (!has(policy, 'admit')) wrongType(`admit of ${where}`, 'a function', undefined)
  } else if (kind === 'layer') {
    if (has(policy, 'after') === has(policy, 'around')) throw new TypeError(`${where}, the layer ${show(name)}, must have either after or around`)
  } else wrongType(`kind of ${where}`, "'guard' or 'layer'", kind)
  if (list.indexOf(policy as Policy) !== i) throw new TypeError(`${where}, ${show(name)}, stands in the list twice: a policy object is one policy; make a second one`)
}

function has(policy: object, hook: string): boolean {
  return typeof (policy as Record<string, unknown>)[hook] === 'function'
}

function checkClock(policy: Policy, host: Host): void {
  const bound = clocks.get(policy)
  if (bound === undefined || bound === host.clock) return
  throw new TypeError(`The policy ${show(policy.name)} is bound to another clock than the pipeline ${show(host.pipeline)}: pipelines that share a policy share a clock`)
}

/** All or none: a build that fails binds nothing. */
function bindAll(policies: readonly Policy[], host: Host): void {
  const fresh = policies.filter((policy) => !clocks.has(policy))
  try {
    for (const policy of fresh) bind(policy, host)
  } catch (error) {
    for (const policy of fresh) clocks.delete(policy)
    throw error
  }
}

function bind(policy: Policy, host: Host): void {
  clocks.set(policy, host.clock)
  if (policy.events !== undefined) {
    policy.events.pipeline = host.pipeline
    policy.events.onInternalError = host.report
  }
  policy.bind?.(host)
}

function hostOf(plan: Plan): Host {
  const guards = plan.policies.filter((policy): policy is Guard => policy.kind === 'guard')
  const innermost = guards.findLast((guard) => guard.timeoutMs !== undefined)
  return {
    pipeline: plan.name,
    clock: plan.clock,
    random: plan.random,
    report: plan.report,
    // The innermost timeout is the attempt's.
    get timeoutMs() {
      return innermost?.timeoutMs ?? Infinity
    },
    pressure: (shares = true) =>
      guards.reduce((highest, guard) => {
        const pressure = guard.pressure?.() ?? 0
        return pressure > highest && (shares || pressure > 1 - (guard.share?.() ?? 1)) ? pressure : highest
      }, 0),
    retryAfterMs: () => guards.reduce<number | undefined>((longest, { retryAfterMs: ms = -1 }) => (ms >= (longest ?? 0) ? ms : longest), undefined),
    share: () => guards.reduce((least, guard) => (guard.distributes === true ? least : Math.min(least, guard.share?.() ?? 1)), 1),
    ramp: (share) => guards.some((guard) => guard.ramp?.(share) === true),
    warn: (message) => plan.warn(message),
    probeDue: (shares = true) => guards.some((guard) => guard.probeDue?.() === true && (shares || (guard.share?.() ?? 1) === 1)),
  }
}
