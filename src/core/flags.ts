const STARTED = 1
export const PROBE = 2
const ANSWERED = 4
const SETTLED = 8
const ADOPTED = 16
const REJECTED = 32
const TRYING = 64
const OVER = 128

/** What is true of a scope, in one number: five fields less in both records of a call, 80 bytes of some 800. */
export abstract class Flags {
  protected flags!: number

  private flag(bit: number, is: boolean): void {
    this.flags = is ? this.flags | bit : this.flags & ~bit
  }

  /** Whether a function ran within. */
  get started(): boolean {
    return (this.flags & STARTED) !== 0
  }
  set started(is: boolean) {
    this.flag(STARTED, is)
  }

  /** Whether a breaker around sent it as its trial. */
  get probe(): boolean {
    return (this.flags & PROBE) !== 0
  }
  set probe(is: boolean) {
    this.flag(PROBE, is)
  }

  /** Whether its outcome has gone outwards: of a strand, whether it has answered. */
  get answered(): boolean {
    return (this.flags & ANSWERED) !== 0
  }
  set answered(is: boolean) {
    this.flag(ANSWERED, is)
  }

  /** Whether guards, or observers, know how it ended. */
  get settled(): boolean {
    return (this.flags & SETTLED) !== 0
  }
  set settled(is: boolean) {
    this.flag(SETTLED, is)
  }

  /** Whether the scope around knows it. */
  get adopted(): boolean {
    return (this.flags & ADOPTED) !== 0
  }
  set adopted(is: boolean) {
    this.flag(ADOPTED, is)
  }

  /** Whether its answer is a rejection. */
  get rejected(): boolean {
    return (this.flags & REJECTED) !== 0
  }
  set rejected(is: boolean) {
    this.flag(REJECTED, is)
  }

  /** `tryRun`: the answer is a result, never a rejection. */
  get trying(): boolean {
    return (this.flags & TRYING) !== 0
  }
  set trying(is: boolean) {
    this.flag(TRYING, is)
  }

  /** Whether the whole call of the attempt has gone straight to its end. */
  get over(): boolean {
    return (this.flags & OVER) !== 0
  }
  set over(is: boolean) {
    this.flag(OVER, is)
  }

  /** A function is about to run within, and the scope around knows it. */
  launched(): void {
    this.flags |= STARTED | ADOPTED
  }

  /** Answered and settled. */
  known(): void {
    this.flags |= ANSWERED | SETTLED
  }
}
