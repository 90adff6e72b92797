import { type Asked, askStep, checked } from './ask.ts'
import { AttemptRecord } from './attempt-record.ts'
import { guarded } from './hooks.ts'
import { inwards } from './inwards.ts'
import { failed, Result } from './outcome.ts'
import { drop } from './place.ts'
import type { LayerNode } from './plan.ts'
import { Again } from './policy.ts'
import type { Stage } from './stage.ts'
import type { Strand } from './strand.ts'
import type { Outcome } from './verdict.ts'

type AnyOutcome = Outcome<unknown>

/** After so many attempts of a call, one more waits for the event loop's next turn even if it has no delay. */
const BREATH = 500

/** Comes out at node `k` with an outcome. Whoever has one first calls this; a later one is dropped. */
export function conclude(attempt: AttemptRecord, k: number, outcome: AnyOutcome): void {
  const { strand } = attempt
  if (strand.answered || attempt.parent.ended !== undefined) drop(strand, outcome)
  else if (strand.place === undefined) outwards(strand, k, attempt, outcome)
  else strand.wakeWith(() => outwards(strand, k, attempt, outcome), outcome)
}

/**
 * Walks outwards from node `from`: steps are asked, enclosing stages learn the outcome, and what comes out is the answer.
 * `answer`: what the step at `from` has said already.
 */
export function outwards(strand: Strand, from: number, inner: AttemptRecord, first: AnyOutcome, answer?: Asked): void {
  payBack(strand)
  const { nodes } = strand.plan
  let outcome = first
  let attempt = inner
  for (let k = from; k >= strand.from; k--) {
    if (attempt.parent.ended !== undefined) return drop(strand, outcome)
    const node = nodes[k]!
    if (node.kind === 'stage') {
      // A call that could not start has no attempt of this stage.
      if (!(attempt.parent instanceof AttemptRecord)) continue
      attempt = attempt.parent
      learn(node, attempt, outcome)
    } else if (node.kind === 'step') {
      const said = k === from && answer !== undefined ? answer : askStep(node, k, outcome, attempt)
      if (said === outcome) continue
      if (said instanceof Promise) return followLayer(strand, said, node, k, attempt, outcome)
      if (!(said instanceof Again)) outcome = replaced(strand, outcome, said)
      else if (repeat(strand, k, attempt, said, outcome)) return
    }
  }
  deliver(strand, outcome)
}

/** An enclosing stage learns the outcome; where the attempt that made it still holds (`until`), it waits with it. */
function learn(stage: Stage, attempt: AttemptRecord, outcome: AnyOutcome): void {
  if (attempt.answered) return
  attempt.answered = true
  const holder = outcome instanceof Result ? outcome.holder : undefined
  if (holder !== undefined && !holder.settled && holder.parent.owner === attempt) {
    holder.awaitedBy = attempt
    ;(outcome as unknown as Result).holder = attempt
  } else stage.settle(attempt, outcome.verdict, outcome.endedBy ?? 'work', outcome.retryAfterMs)
}

/** A step's own answer in the place of an outcome, which is dropped. */
function replaced(strand: Strand, outcome: AnyOutcome, said: AnyOutcome): AnyOutcome {
  if (said !== outcome && outcome.ok && !(said.ok && said.value === outcome.value)) drop(strand, outcome)
  return said
}

/** Goes back in at node `k` after a delay. False when that cannot be: then the outcome at hand is the answer. */
function repeat(strand: Strand, k: number, attempt: AttemptRecord, said: Again, outcome: AnyOutcome): boolean {
  const { call, plan } = strand
  const { parent } = attempt
  const { delayMs, unused } = said
  // Repeats without a delay take no turn of the event loop: now and then one does, so that timers and I/O are heard.
  const timed = delayMs > 0 || call.attempts % BREATH === BREATH - 1
  const due = timed || parent.deadline !== Infinity ? plan.clock.now() + delayMs : 0
  if (unused !== undefined) strand.more.owed = { unused, since: call.attempts }
  if (plan.closing || parent.ended !== undefined || due >= parent.deadline) {
    payBack(strand)
    return false
  }
  drop(strand, outcome)
  const next = new AttemptRecord(strand, parent)
  next.trail = { at: k, said, rest: outside(attempt.trail, k) }
  const goOn = (): void => {
    if (parent.ended === undefined) inwards(strand, k + 1, parent, next)
  }
  const place = strand.parkUntil(() => strand.wakeWith(() => outwards(strand, k - 1, attempt, outcome)))
  // Even without a delay it goes on in a new microtask: thousands of attempts need no stack.
  if (!timed) strand.wakeWith(goOn)
  else {
    place.pending = goOn
    place.alarm = plan.timers.set(place, due, delayMs)
  }
  return true
}

/** What the layers outside node `k` have said. */
function outside(trail: AttemptRecord['trail'], k: number): AttemptRecord['trail'] {
  let rest = trail
  while (rest !== undefined && rest.at >= k) rest = rest.rest
  return rest
}

/** The outcome goes on outwards: if no attempt has run since the last repeat was asked for, that is told to who asked. */
export function payBack(strand: Strand): void {
  const { rare } = strand
  if (rare?.owed === undefined) return
  const { owed } = rare
  rare.owed = undefined
  if (strand.call.attempts === owed.since) guarded(strand.plan.report, owed.unused)
}

/** Waits for a layer's promise of an outcome: of a surround, or of a step that takes time. */
export function followLayer(strand: Strand, promise: Promise<AnyOutcome>, node: LayerNode, k: number, attempt: AttemptRecord, old?: AnyOutcome, onEnd?: () => void): void {
  const ok = (said: AnyOutcome): void => {
    onEnd?.()
    const outcome = checked(said, node.layer)
    if (old !== undefined) replaced(strand, old, outcome)
    conclude(attempt, k - 1, outcome)
  }
  const broke = (error: unknown): void => {
    onEnd?.()
    drop(strand, old)
    conclude(attempt, k - 1, failed(error, 'ignored'))
  }
  strand.at = k
  strand.current = attempt
  if (strand.early(attempt)) {
    if (strand.outside(attempt)) strand.park()
    promise.then(ok, broke)
    return
  }
  const first = strand.unfollowed
  strand.follow(
    promise.then(
      (said) => {
        ok(said)
        return strand.exit(first)
      },
      (error) => {
        broke(error)
        return strand.exit(first)
      },
    ),
    first,
  )
}

/** The caller has gone: guards and signals have been told, the steps outside are asked, and what they say at once is final. */
export function finish(strand: Strand, outcome: AnyOutcome): void {
  if (strand.answered) return
  const { current = new AttemptRecord(strand, strand) } = strand
  strand.wakeWith(() => finishFrom(strand, strand.at - 1, current, outcome), outcome)
}

export function finishFrom(strand: Strand, from: number, attempt: AttemptRecord, first: AnyOutcome): void {
  payBack(strand)
  if (strand.answered) return
  const { nodes } = strand.plan
  let outcome = first
  for (let k = from; k >= strand.from; k--) {
    const node = nodes[k]!
    if (node.kind !== 'step') continue
    const said = askStep(node, k, outcome, attempt)
    // Nobody waits for a further attempt, nor for an answer that takes time.
    if (said instanceof Promise) {
      said.then(
        (late) => drop(strand, late),
        () => {},
      )
    } else if (!(said instanceof Again)) outcome = said
  }
  deliver(strand, outcome)
}

export function deliver(strand: Strand, outcome: AnyOutcome): void {
  // A step that ends the call has been overtaken by what it did.
  if (strand.answered) drop(strand, outcome)
  else strand.answerWith(outcome)
}
