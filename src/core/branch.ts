import { type Child, type Ending, Scope } from './scope.ts'
import type { Strand } from './strand.ts'

/** The scope of one `next` of a surround: what a layer can give up as a whole, with all that further layers repeat in it. */
export class Branch extends Scope implements Child {
  before: Child | undefined = undefined
  after: Child | undefined = undefined
  strand: Strand | undefined = undefined

  constructor(readonly parent: Scope) {
    super()
    this.deadline = parent.deadline
    this.probe = parent.probe
    parent.adopt(this)
  }

  override get owner(): Scope {
    return this.parent.owner
  }

  end(ending: Ending): void {
    if (this.ended !== undefined) return
    this.ended = ending
    this.endChildren(ending)
    this.strand?.end(ending)
  }

  /** The strand has answered; losers and timed-out work may go on. */
  onAnswer(): void {
    if (this.open === 0) this.parent.leave(this)
  }

  protected onIdle(): void {
    if (this.strand?.done === true) this.parent.leave(this)
  }

  heldSettled(): void {}
}
