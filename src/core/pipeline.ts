import type { Attempt } from './attempt.ts'
import { abortWork, AttemptRecord } from './attempt-record.ts'
import { callOf } from './call.ts'
import type { TryResult } from './outcome.ts'
import { type CallOptions, callOptions, endless } from './call-options.ts'
import { checkClock } from './clock.ts'
import { describe, type Description, draw } from './describe.ts'
import { stackless, TimeoutError } from './errors.ts'
import { type AnyListener, type EventType, type Listener, type Subscribable, type Undo } from './events.ts'
import { inheriting, surrounded } from './inherit.ts'
import { callable, known, nameOf, notNegative, show, wrongType } from './options.ts'
import { around, type Observer, observerHooks, within } from './observer.ts'
import { type PipelineOptions, Plan } from './plan.ts'
import type { Layer, Policy } from './policy.ts'
import { straight } from './straight.ts'

/** What the layers of a list may answer in the function's place. One that adds nothing is told apart first: there is nothing to infer in it. */
export type Added<P extends readonly Policy[]> = P[number] extends infer One ? (One extends Layer ? never : One extends Layer<infer Adds> ? Adds : never) : never

/** A function that a pipeline runs. It gets the attempt: pass `attempt.signal` on. */
export type Work<T> = (attempt: Attempt) => T | PromiseLike<T>

/**
 * The policies around one dependency, folded once. Make one per dependency and keep it: its policies learn from all calls.
 */
export interface Pipeline<Adds = never> extends Subscribable, AsyncDisposable {
  readonly name: string
  /** How many calls run; work that outlives its answer counts until it ends. */
  readonly inFlight: number
  /**
   * Runs `fn` inside the policies. A plain value or a synchronous throw of `fn` is treated as a settled promise. Rejects with
   * the user's own error untouched, with a `RejectedError` (nothing was started) or a `TimeoutError` (outcome unknown);
   * never throws synchronously. Adds one promise; one more where the call can be answered early (a timeout, a signal), and
   * one for the caller's async context where retry or fallback stand outside that.
   */
  run<T>(fn: Work<T>, call?: CallOptions | Attempt): Promise<T | Adds>
  /** As `run`, but never rejects: `{ ok, value | error, attempts }`. The cheapest way to be refused. */
  tryRun<T>(fn: Work<T>, call?: CallOptions | Attempt): Promise<TryResult<T | Adds>>
  /** A function with the same arguments and `this` that runs inside the policies. `call` may be made from the arguments. */
  wrap<This, Args extends unknown[], T>(
    fn: (this: This, ...args: Args) => T | PromiseLike<T>,
    call?: CallOptions | ((...args: Args) => CallOptions | undefined),
  ): (this: This, ...args: Args) => Promise<T | Adds>
  /** As `wrap`, for a function that takes the attempt first. */
  bind<Args extends unknown[], T>(
    fn: (attempt: Attempt, ...args: Args) => T | PromiseLike<T>,
    call?: CallOptions | ((...args: Args) => CallOptions | undefined),
  ): (...args: Args) => Promise<T | Adds>
  /** The fold as data: stages and layers with their effective options, and the warnings of the build. */
  describe(): Description
  /** The fold as one line: `fallback ─▶ stage[timeout 2 s] ─▶ retry ─▶ stage[breaker · timeout 500 ms] ─▶ your function`. */
  toString(): string
  /**
   * Refuses new calls, ends back-offs (the last outcome comes out) and queues (`PipelineClosedError`), and waits for running
   * work. What still runs after `graceMs` (10 000) has its signal aborted, with a `TimeoutError` as reason: it was started.
   * @returns how many calls were still running when the grace was over: 0 is a clean end
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<number>
}

const optionKeys = ['classify', 'clock', 'random', 'observers', 'discard', 'onWarning', 'onInternalError', 'abandonAfterMs', 'stacks'] as const

/**
 * Puts policies, outermost first, around the calls of one dependency.
 *
 * @param name the dependency, as it shall be called in errors, events and metrics
 * @param policies the flat list, folded once
 * @throws TypeError, RangeError naming the option, the rule and the value; a policy that stands in the list twice; a policy
 * bound to another clock
 */
export function pipeline<const P extends readonly Policy[]>(name: string, policies: P, options?: PipelineOptions): Pipeline<Added<P>> {
  nameOf('pipeline name', name)
  if (!Array.isArray(policies)) wrongType(`policies of the pipeline ${show(name)}`, 'an array', policies)
  const said = checked(known('pipeline', options, optionKeys))
  const plan = new Plan(name, [...policies], said)
  for (const warning of plan.warnings) plan.warn(warning)
  return new Folded(plan) as unknown as Pipeline<Added<P>>
}

function checked(options: PipelineOptions): PipelineOptions {
  const { classify, clock, random, observers, discard, onWarning, onInternalError, abandonAfterMs, stacks } = options
  if (classify !== undefined) callable('pipeline.classify', classify)
  if (random !== undefined) callable('pipeline.random', random)
  if (discard !== undefined) callable('pipeline.discard', discard)
  if (onWarning !== undefined) callable('pipeline.onWarning', onWarning)
  if (onInternalError !== undefined) callable('pipeline.onInternalError', onInternalError)
  if (clock !== undefined) checkClock('pipeline.clock', clock)
  if (observers !== undefined) checkObservers('pipeline.observers', observers)
  if (abandonAfterMs !== undefined) notNegative('pipeline.abandonAfterMs', abandonAfterMs)
  if (stacks !== undefined && typeof stacks !== 'boolean') wrongType('pipeline.stacks', 'true or false', stacks)
  return options
}

export function checkObservers(option: string, observers: readonly Observer[]): void {
  if (!Array.isArray(observers)) wrongType(option, 'an array of observers', observers)
  for (const observer of observers) {
    // An observer may be an instance with state of its own; only what looks like a misspelt hook is refused.
    if (typeof observer !== 'object' || observer === null) wrongType(option, 'an array of observers', observer)
    const said = observerHooks.filter((hook) => observer[hook] !== undefined)
    for (const hook of said) callable(`${option} ${hook}`, observer[hook])
    if (said.length === 0) known('observer', observer, observerHooks)
  }
}

type SaidOfCall<Args extends unknown[]> = CallOptions | Attempt | ((...args: Args) => CallOptions | undefined) | undefined

class Folded {
  readonly #plan: Plan
  #closed: Promise<number> | undefined = undefined

  constructor(plan: Plan) {
    this.#plan = plan
  }

  static planOf(value: unknown): Plan | undefined {
    return typeof value === 'object' && value !== null && #plan in value ? value.#plan : undefined
  }

  get name(): string {
    return this.#plan.name
  }

  get inFlight(): number {
    return this.#plan.inFlight
  }

  run(fn: Work<unknown>, call?: CallOptions | Attempt): Promise<unknown> {
    return begin(this.#plan, fn, call, false)
  }

  tryRun(fn: Work<unknown>, call?: CallOptions | Attempt): Promise<unknown> {
    return begin(this.#plan, fn, call, true)
  }

  wrap(fn: (...args: unknown[]) => unknown, call?: SaidOfCall<unknown[]>): (...args: unknown[]) => Promise<unknown> {
    callable('fn of wrap', fn)
    const plan = this.#plan
    return function (this: unknown, ...args: unknown[]) {
      return startWith(plan, () => fn.apply(this, args), call, args)
    }
  }

  bind(fn: (attempt: Attempt, ...args: unknown[]) => unknown, call?: SaidOfCall<unknown[]>): (...args: unknown[]) => Promise<unknown> {
    callable('fn of bind', fn)
    return (...args) => startWith(this.#plan, (attempt) => fn(attempt, ...args), call, args)
  }

  on<T extends EventType>(type: T, listener: Listener<T> | AnyListener): Undo {
    return this.#plan.events.on(type, listener as Listener<T>)
  }

  describe(): Description {
    return describe(this.#plan)
  }

  toString(): string {
    return draw(this.#plan)
  }

  close(options?: { readonly graceMs?: number | undefined }): Promise<number> {
    const { graceMs = 10_000 } = known('close', options, ['graceMs'])
    notNegative('close.graceMs', graceMs)
    return (this.#closed ??= close(this.#plan, graceMs))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(() => undefined)
  }
}

/** What a pipeline's calls share; `undefined` for what no `pipeline()` of this copy of the library has made. */
export function planOf(value: unknown): Plan | undefined {
  return Folded.planOf(value)
}

/** One `run` or `tryRun`. */
function begin(plan: Plan, fn: unknown, said: CallOptions | Attempt | undefined, trying: boolean): Promise<unknown> {
  // A function of its own for what most calls are: 20 of 150 ns.
  if (said === undefined && plan.straight && typeof fn === 'function' && !surrounded()) return straight(plan, fn as Work<unknown>, plan.call, trying)
  return start(plan, fn, said, trying)
}

/** `own`: what the call says where its caller says nothing else, already checked. */
export function start(plan: Plan, fn: unknown, said: CallOptions | Attempt | undefined, trying: boolean, own: CallOptions | undefined = plan.call): Promise<unknown> {
  let options: CallOptions | undefined
  try {
    callable('fn of run', fn)
    options = said === undefined ? own : withKey(callOptions(said, plan.clock)!, said, own)
    // An attempt brings its own surroundings.
    if (!(said instanceof AttemptRecord)) options = inheriting(options, plan.clock)
  } catch (error) {
    return trying ? Promise.resolve({ ok: false, error, attempts: 0 }) : Promise.reject(error as Error)
  }
  if (plan.straight && endless(options)) return straight(plan, fn as Work<unknown>, options, trying)
  const { enclosing } = plan
  if (enclosing === undefined) return callOf(plan, fn as Work<unknown>, options, trying).begin()
  const call = callOf(plan, within(enclosing, plan.report, fn as Work<unknown>), options, trying)
  return around(enclosing, call, plan.report, () => call.begin())
}

/** The key of a keyed pipeline where the call says none. One that an attempt only passes on is of another pipeline. */
function withKey(options: CallOptions, said: CallOptions | Attempt, own: CallOptions | undefined): CallOptions {
  if (own === undefined || (options.key !== undefined && !(said instanceof AttemptRecord))) return options
  const { signal, timeoutMs, deadline, priority, subLevel, operation, meta, idempotent, repeatable, trace } = options
  // Each option by its name, because they may be inherited; the type forgets none.
  const all: { [K in keyof Required<CallOptions>]: CallOptions[K] } = { signal, timeoutMs, deadline, priority, subLevel, key: own.key, operation, meta, idempotent, repeatable, trace }
  return all
}

function startWith(plan: Plan, fn: Work<unknown>, said: SaidOfCall<unknown[]>, args: unknown[]): Promise<unknown> {
  try {
    return start(plan, fn, typeof said === 'function' ? said(...args) : said, false)
  } catch (error) {
    return Promise.reject(error as Error)
  }
}

function close(plan: Plan, graceMs: number): Promise<number> {
  plan.close()
  if (plan.inFlight === 0) return Promise.resolve(0)
  return new Promise((resolve) => {
    const cancel = graceMs === Infinity ? undefined : plan.clock.after(graceMs, graceOver)
    plan.onIdle = () => {
      cancel?.()
      // By way of a promise, which takes some turns more: the last caller shall hear first.
      resolve(Promise.resolve(0))
    }
    function graceOver(): void {
      const left = plan.inFlight
      // Not a refusal: what is aborted here was started.
      const overdue = stackless(() => new TimeoutError(`${show(plan.name)} was closed and its grace of ${graceMs} ms is over`, { pipeline: plan.name, attempts: 1 }))
      plan.overdue = overdue
      for (const attempt of plan.live) abortWork(attempt, overdue)
      plan.onIdle = undefined
      resolve(left)
    }
  })
}
