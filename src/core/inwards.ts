import { attemptOf, AttemptRecord } from './attempt-record.ts'
import { Branch } from './branch.ts'
import { show } from './options.ts'
import { failed, Refused } from './outcome.ts'
import { followLayer, outwards } from './outwards.ts'
import type { LayerNode } from './plan.ts'
import type { Next, Refusal, Unadmitted } from './policy.ts'
import type { Scope } from './scope.ts'
import type { Strand } from './strand.ts'
import type { Outcome } from './verdict.ts'
import { launch } from './work.ts'

type AnyOutcome = Outcome<unknown>

/** Walks inwards from node `k`: through steps, into stages, to a surround or the user's function. */
export function inwards(strand: Strand, from: number, parent: Scope, given: AttemptRecord | undefined): void {
  const { nodes, stamping } = strand.plan
  let scope = parent
  let attempt = given
  for (let k = from; ; k++) {
    const node = nodes[k]!
    if (node.kind === 'step') continue
    const one = attempt ?? attemptOf(strand, scope)
    one.at = strand.at = k
    strand.current = one
    if (scope.ended !== undefined || one.ended !== undefined) return dead(one)
    if (node.kind !== 'stage') return surround(node, one)
    one.stage = node
    // From the first node on it is the very turn in which the call began: its clock need not be read again (45 of 400 ns).
    if (stamping && from === 0) one.startedAt = strand.call.startedAt
    else if (node.timed || stamping) one.now()
    if (!enter(one)) return
    if (node.innermost) return launch(one)
    scope = one
    attempt = undefined
  }
}

/** The attempt, or what encloses it, was ended before it began. */
function dead(attempt: AttemptRecord): void {
  const { ended, parent, strand } = attempt
  if (parent.ended === undefined) outwards(strand, attempt.at - 1, attempt, failed(ended!.error, 'unused', ended!.by))
  // Who ended the scope goes on with the strand; only a `next` called on a dead scope has nobody else.
  else if (strand instanceof Branch && strand.ended !== undefined) strand.overtaken(strand.ended)
}

/** Asks the stage's guards that have not been asked. Whether all have admitted: then it goes on inwards. */
export function enter(attempt: AttemptRecord): boolean {
  try {
    return entered(attempt, attempt.stage!.admit(attempt))
  } catch (error) {
    broke(attempt, error)
    return false
  }
}

/** What the guards have said is done. Whether all have admitted. */
export function entered(attempt: AttemptRecord, answer: Unadmitted | undefined): boolean {
  try {
    // A hook or a listener ended it meanwhile; who ended an attempt that was known has gone on with the strand.
    if (attempt.settled) return false
    if (attempt.parent.ended !== undefined || attempt.ended !== undefined) {
      back(attempt)
      dead(attempt)
      return false
    }
    answer?.turn(attempt)
  } catch (error) {
    broke(attempt, error)
    return false
  }
  if (answer !== undefined) return false
  attempt.join()
  attempt.stage!.arm(attempt)
  return true
}

/** All guards have admitted after a wait: to the function, or on inwards. */
export function goOn(attempt: AttemptRecord): void {
  if (attempt.stage!.innermost) launch(attempt)
  else inwards(attempt.strand, attempt.at + 1, attempt, undefined)
}

/** Undoes what has been admitted. */
export function back(attempt: AttemptRecord): void {
  if (!attempt.settled) attempt.stage!.unwind(attempt)
  attempt.part()
}

/** A guard threw: its error is the call's. */
export function broke(attempt: AttemptRecord, error: unknown): void {
  const { strand } = attempt
  back(attempt)
  strand.wakeWith(() => outwards(strand, attempt.at - 1, attempt, failed(error, 'ignored')))
}

export function refused(attempt: AttemptRecord, refusal: Refusal): void {
  const { strand } = attempt
  const { call, plan } = strand
  back(attempt)
  plan.refused(call, refusal, attempt)
  outwards(strand, attempt.at - 1, attempt, new Refused(refusal, plan, call.attempts) as unknown as AnyOutcome)
}

/** A surround runs `next` as often as it likes. */
function surround(node: LayerNode, attempt: AttemptRecord): void {
  const { parent, strand, at: k } = attempt
  const { call } = strand
  let over = false
  const next = (one: unknown): Promise<AnyOutcome> => {
    if (parent.ended !== undefined) return Promise.resolve(failed(parent.ended.error, 'unused', parent.ended.by))
    if (over || !(one instanceof AttemptRecord) || one.call !== call || one.branch !== undefined || one.stage !== undefined) {
      const rule = over ? 'cannot be called when the layer has answered' : 'takes the attempt at hand or its fork(), each once'
      return Promise.resolve(failed(new TypeError(`next of the layer ${show(node.layer.name)} ${rule}`), 'ignored'))
    }
    const branch = new Branch(call, parent, k + 1)
    one.scope = one.thread = one.branch = branch
    inwards(branch, branch.from, branch, one)
    return branch.promise() as Promise<AnyOutcome>
  }
  let answer: Promise<AnyOutcome>
  try {
    // The layer gets an attempt of its own: the one here says where the strand is.
    answer = Promise.resolve(node.layer.around!(next as Next, attempt.fork()))
  } catch (error) {
    answer = Promise.reject(error as Error)
  }
  followLayer(strand, answer, node, k, attempt, undefined, () => {
    over = true
  })
}
