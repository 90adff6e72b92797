import { payBack, deliver } from './outwards.ts'
import { failed } from './outcome.ts'
import type { Child, Ending, Scope } from './scope.ts'
import { Strand } from './strand.ts'
import type { Outcome } from './verdict.ts'

/** The strand of one `next` of a surround: what a layer can give up as a whole, with all that further layers repeat in it. */
export class Branch extends Strand implements Child {
  before: Child | undefined = undefined
  after: Child | undefined = undefined

  constructor(
    readonly call: Strand['call'],
    readonly parent: Scope,
    readonly from: number,
  ) {
    super(call.plan, parent.deadline, parent.probe)
    parent.adopt(this)
  }

  override get owner(): Scope {
    return this.parent.owner
  }

  end(ending: Ending): void {
    if (this.ended !== undefined) return
    this.ended = ending
    this.endChildren(ending)
    this.overtaken(ending)
  }

  /** It was ended: that is its answer, if it has none. */
  overtaken(ending: Ending): void {
    if (this.done) return
    payBack(this)
    deliver(this, failed(ending.error, this.started ? ending.verdict : 'unused', ending.by))
    this.wakeWith(() => {})
  }

  answerWith(outcome: Outcome<unknown>): void {
    this.answer(false, outcome)
    // Losers and timed-out work may go on.
    if (this.open === 0) this.parent.leave(this)
  }

  protected onIdle(): void {
    if (this.done) this.parent.leave(this)
  }

  heldSettled(): void {}
}
