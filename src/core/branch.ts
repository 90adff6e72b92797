import { payBack, deliver } from './outwards.ts'
import { failed } from './outcome.ts'
import type { Child, Ending, Scope } from './scope.ts'
import { Strand } from './strand.ts'
import type { Outcome } from './verdict.ts'

/** The strand of one `next` of a surround: what a layer can give up as a whole, with all that further layers repeat in it. */
export class Branch extends Strand implements Child {
  readonly plan: Strand['plan']
  readonly call: Strand['call']
  readonly parent: Scope
  readonly from: number
  before: Child | undefined = undefined
  after: Child | undefined = undefined

  constructor(call: Strand['call'], parent: Scope, from: number) {
    super()
    this.deadline = parent.deadline
    this.ended = undefined
    this.flags = 0
    if (parent.probe) this.probe = true
    this.open = 0
    this.youngest = this.rare = undefined
    this.plan = call.plan
    this.at = from
    this.current = this.place = undefined
    this.payload = this.tail = this.deferred = undefined
    this.call = call
    this.parent = parent
    this.from = from
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
    if (this.answered) return
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
    if (this.answered) this.parent.leave(this)
  }

  heldSettled(): void {}
}
