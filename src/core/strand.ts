import { askStep, checked } from './ask.ts'
import { AttemptRecord } from './attempt.ts'
import { Branch } from './branch.ts'
import type { CallRecord } from './call.ts'
import { guarded } from './hooks.ts'
import { show } from './options.ts'
import { failed, Refused, Result } from './outcome.ts'
import { Parking } from './parking.ts'
import { Again, type Next, type Refusal, type Unadmitted } from './policy.ts'
import type { LayerNode } from './plan.ts'
import type { Ending, Scope } from './scope.ts'
import type { Stage } from './stage.ts'
import type { Outcome } from './verdict.ts'
import { launch } from './work.ts'

type AnyOutcome = Outcome<unknown>

/** After so many attempts of a call, one more waits for the event loop's next turn even if it has no delay. */
const BREATH = 500

/**
 * One thread of control through the fold: inwards through stages to the function, and outwards through steps with its
 * outcome. A call is one strand; each `next` of a surround is one more.
 */
export class Strand extends Parking {
  /** Where it is: the node, and the attempt at hand there. */
  #at = 0
  #current: AttemptRecord | undefined = undefined
  /** What to call if the repeat that was asked for runs nothing, and how many attempts there were before it. */
  #owed: (() => void) | undefined = undefined
  #owedSince = 0

  constructor(
    readonly call: CallRecord,
    /** What encloses it: the call, or the branch of a `next`. */
    readonly scope: Scope,
    /** Its first node. */
    readonly from: number,
  ) {
    super(call.plan)
  }

  /** Whether it is the call itself, and not one `next` of a surround. */
  get whole(): boolean {
    return this.from === 0
  }

  /** Starts the strand and returns the promise of its answer. */
  begin(attempt: AttemptRecord | undefined): Promise<unknown> {
    this.#inwards(this.from, this.scope, attempt)
    return this.promise()
  }

  /** The call cannot start: the pipeline is closed, or (`gone`) nobody waits for it any more. Steps may still answer. */
  refuse(outcome: AnyOutcome, gone: boolean): Promise<unknown> {
    const last = this.call.plan.nodes.length - 1
    const attempt = new AttemptRecord(this.call, this.call)
    if (gone) this.#finally(last, attempt, outcome)
    else this.#outwards(last, attempt, outcome)
    return this.promise()
  }

  // ── inwards ──

  /** Walks inwards from node `k`: through steps, into stages, to a surround or the user's function. */
  #inwards(k: number, scope: Scope, attempt: AttemptRecord | undefined): void {
    const { nodes, stamping } = this.call.plan
    for (; ; k++) {
      const node = nodes[k]!
      if (node.kind === 'step') continue
      const one = attempt ?? new AttemptRecord(this.call, scope)
      one.at = this.#at = k
      one.strand = this
      this.#current = one
      if (scope.ended !== undefined || one.ended !== undefined) return this.#dead(one)
      if (node.kind !== 'stage') return this.#surround(node, one)
      one.stage = node
      if (node.timed || stamping) one.now()
      if (!this.enter(node, one)) return
      if (node.innermost) return launch(this, node, one)
      scope = one
      attempt = undefined
    }
  }

  /** The attempt, or what encloses it, was ended before it began. */
  #dead(attempt: AttemptRecord): void {
    const { ended, parent } = attempt
    if (parent.ended === undefined) this.#outwards(attempt.at - 1, attempt, failed(ended!.error, 'unused', ended!.by))
    // Who ended the scope goes on with the strand; only a `next` called on a dead scope has nobody else.
    else if (!this.whole && this.scope.ended !== undefined) this.end(this.scope.ended)
  }

  /** Asks the stage's guards that have not been asked, and goes on inwards when all have admitted. */
  enter(stage: Stage, attempt: AttemptRecord): boolean {
    let answer: Unadmitted | undefined
    try {
      answer = stage.admit(attempt)
      // A hook or a listener ended it meanwhile; who ended an attempt that was known has gone on with the strand.
      if (attempt.settled) return false
      if (attempt.parent.ended !== undefined || attempt.ended !== undefined) {
        this.back(stage, attempt)
        this.#dead(attempt)
        return false
      }
      answer?.turn(this, stage, attempt)
    } catch (error) {
      this.broke(stage, attempt, error)
      return false
    }
    if (answer !== undefined) return false
    attempt.join()
    stage.arm(attempt)
    return true
  }

  /** All guards have admitted: to the function, or on inwards. */
  goOn(stage: Stage, attempt: AttemptRecord): void {
    if (stage.innermost) launch(this, stage, attempt)
    else this.#inwards(attempt.at + 1, attempt, undefined)
  }

  /** Undoes what has been admitted. */
  back(stage: Stage, attempt: AttemptRecord): void {
    if (!attempt.settled) stage.unwind(attempt)
    attempt.part()
  }

  /** A guard threw: its error is the call's. */
  broke(stage: Stage, attempt: AttemptRecord, error: unknown): void {
    this.back(stage, attempt)
    this.wakeWith(() => this.#outwards(attempt.at - 1, attempt, failed(error, 'ignored')))
  }

  refused(stage: Stage, attempt: AttemptRecord, refusal: Refusal): void {
    const { call } = this
    this.back(stage, attempt)
    call.plan.refused(call, refusal, attempt)
    this.#outwards(attempt.at - 1, attempt, new Refused(refusal, call.plan, call.attempts) as unknown as AnyOutcome)
  }

  /** A surround runs `next` as often as it likes. */
  #surround(node: LayerNode, attempt: AttemptRecord): void {
    const { call } = this
    const { parent, at: k } = attempt
    let over = false
    const next = (one: unknown): Promise<AnyOutcome> => {
      if (parent.ended !== undefined) return Promise.resolve(failed(parent.ended.error, 'unused', parent.ended.by))
      if (over || !(one instanceof AttemptRecord) || one.call !== call || one.branch !== undefined || one.stage !== undefined) {
        const rule = over ? 'cannot be called when the layer has answered' : 'takes the attempt at hand or its fork(), each once'
        return Promise.resolve(failed(new TypeError(`next of the layer ${show(node.layer.name)} ${rule}`), 'ignored'))
      }
      one.branch = new Branch(parent)
      one.parent = one.branch
      return (one.branch.strand = new Strand(call, one.branch, k + 1)).begin(one) as Promise<AnyOutcome>
    }
    let answer: Promise<AnyOutcome>
    try {
      // The layer gets an attempt of its own: the one here says where the strand is.
      answer = Promise.resolve(node.layer.around!(next as Next, attempt.fork()))
    } catch (error) {
      answer = Promise.reject(error as Error)
    }
    this.#follow(answer, node, k, attempt, undefined, () => {
      over = true
    })
  }

  // ── outwards ──

  /** Comes out at node `k` with an outcome. Whoever has one first calls this; a later one is dropped. */
  conclude(k: number, attempt: AttemptRecord, outcome: AnyOutcome): void {
    if (this.done || attempt.parent.ended !== undefined) this.drop(outcome)
    else this.wakeWith(() => this.#outwards(k, attempt, outcome), outcome)
  }

  #outwards(from: number, inner: AttemptRecord, outcome: AnyOutcome): void {
    this.#payBack()
    const { nodes } = this.call.plan
    let attempt = inner
    for (let k = from; k >= this.from; k--) {
      if (attempt.parent.ended !== undefined) return this.drop(outcome)
      const node = nodes[k]!
      if (node.kind === 'stage') {
        // A call that could not start has no attempt of this stage.
        if (!(attempt.parent instanceof AttemptRecord)) continue
        attempt = attempt.parent
        learn(node, attempt, outcome)
      } else if (node.kind === 'step') {
        const said = askStep(node.layer, k, outcome, attempt)
        if (said instanceof Promise) return this.#follow(said, node, k, attempt, outcome)
        if (!(said instanceof Again)) outcome = this.#replaced(outcome, said)
        else if (this.#repeat(k, attempt, said, outcome)) return
      }
    }
    this.#deliver(outcome)
  }

  /** A step's own answer in the place of an outcome, which is dropped. */
  #replaced(outcome: AnyOutcome, said: AnyOutcome): AnyOutcome {
    if (said !== outcome && outcome.ok && !(said.ok && said.value === outcome.value)) this.drop(outcome)
    return said
  }

  /** Goes back in at node `k` after a delay. False when that cannot be: then the outcome at hand is the answer. */
  #repeat(k: number, attempt: AttemptRecord, said: Again, outcome: AnyOutcome): boolean {
    const { plan } = this.call
    const { delayMs } = said
    // Repeats without a delay take no turn of the event loop: now and then one does, so that timers and I/O are heard.
    const timed = delayMs > 0 || this.call.attempts % BREATH === BREATH - 1
    const due = timed || attempt.outerDeadline !== Infinity ? plan.clock.now() + delayMs : 0
    this.#owed = said.unused
    this.#owedSince = this.call.attempts
    if (plan.closing || attempt.parent.ended !== undefined || due >= attempt.outerDeadline) {
      this.#payBack()
      return false
    }
    this.drop(outcome)
    const next = new AttemptRecord(this.call, attempt.parent)
    next.trail = { at: k, said, rest: outside(attempt.trail, k) }
    const goOn = (): void => {
      if (attempt.parent.ended === undefined) this.#inwards(k + 1, attempt.parent, next)
    }
    this.parkUntil(() => this.wakeWith(() => this.#outwards(k - 1, attempt, outcome)))
    if (timed) this.sleep(due, delayMs, goOn)
    // Even so it goes on in a new microtask: thousands of attempts need no stack.
    else this.wakeWith(goOn)
    return true
  }

  /** The outcome goes on outwards: if no attempt has run since the last repeat was asked for, that is told to who asked. */
  #payBack(): void {
    const unused = this.#owed
    if (unused === undefined) return
    this.#owed = undefined
    if (this.call.attempts === this.#owedSince) guarded(this.call.plan.report, unused)
  }

  /** Waits for a layer's promise of an outcome: of a surround, or of a step that takes time. */
  #follow(promise: Promise<AnyOutcome>, node: LayerNode, k: number, attempt: AttemptRecord, replaced?: AnyOutcome, onEnd?: () => void): void {
    this.#at = k
    this.#current = attempt
    this.proceed(
      promise,
      attempt,
      (said) => {
        onEnd?.()
        const outcome = checked(said, node.layer)
        if (replaced !== undefined) this.#replaced(replaced, outcome)
        this.conclude(k - 1, attempt, outcome)
      },
      (error) => {
        onEnd?.()
        this.drop(replaced)
        this.conclude(k - 1, attempt, failed(error, 'ignored'))
      },
    )
  }

  /** Goes on when the promise at node `attempt.at` has settled, or when something ends the wait. */
  proceed<V>(promise: Promise<V>, attempt: AttemptRecord, ok: (value: V) => void, broke: (error: unknown) => void): void {
    const { call } = this
    const early = attempt.deadline !== Infinity || call.signal !== undefined || !this.whole
    if (!early) return this.chain(promise, ok, broke)
    // Code of the call outside might have to run after somebody else's timer.
    const { stepsBefore } = call.plan
    if (stepsBefore[this.#at]! > stepsBefore[this.from]! && attempt.ended === undefined && !this.done) this.park()
    promise.then(ok, broke)
  }

  /** The caller has gone: guards and signals have been told, the steps outside are asked, and what they say at once is final. */
  finish(outcome: AnyOutcome): void {
    if (this.done) return
    const attempt = this.#current ?? new AttemptRecord(this.call, this.call)
    this.wakeWith(() => this.#finally(this.#at - 1, attempt, outcome), outcome)
  }

  #finally(from: number, attempt: AttemptRecord, first: AnyOutcome): void {
    this.#payBack()
    if (this.done) return
    const { nodes } = this.call.plan
    let outcome = first
    for (let k = from; k >= this.from; k--) {
      const node = nodes[k]!
      if (node.kind !== 'step') continue
      const said = askStep(node.layer, k, outcome, attempt)
      // Nobody waits for a further attempt, nor for an answer that takes time.
      if (said instanceof Promise) {
        said.then(
          (late) => this.drop(late),
          () => {},
        )
      } else if (!(said instanceof Again)) outcome = said
    }
    this.#deliver(outcome)
  }

  #deliver(outcome: AnyOutcome): void {
    const { call, scope } = this
    // A step that ends the call has been overtaken by what it did.
    if (this.done) return this.drop(outcome)
    if (scope instanceof Branch) {
      this.answer(false, outcome)
      scope.onAnswer()
    } else {
      if (call.trying) this.answer(false, call.result(outcome))
      else this.answer(!outcome.ok, outcome.ok ? outcome.value : outcome.error)
      call.onAnswer(outcome)
    }
  }

  /** Ends the strand of a `next`: what encloses it was ended. */
  end(ending: Ending): void {
    if (this.done) return
    this.#payBack()
    this.#deliver(failed(ending.error, this.scope.started ? ending.verdict : 'unused', ending.by))
    this.wakeWith(() => {})
  }
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

/** What the layers outside node `k` have said. */
function outside(trail: AttemptRecord['trail'], k: number): AttemptRecord['trail'] {
  let rest = trail
  while (rest !== undefined && rest.at >= k) rest = rest.rest
  return rest
}
