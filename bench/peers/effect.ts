import type { Maker, Subject, Work } from '../case.ts'

type Step<A, B> = (from: A) => B
interface Program {
  pipe(...steps: Step<Program, Program>[]): Program
}

/** What is used of effect 4: `Effect` itself, and its keyed breaker. */
export interface Effect {
  readonly Effect: {
    tryPromise(work: () => Promise<unknown>): Program
    runPromise(program: Program): Promise<unknown>
    provide(layer: unknown): Step<Program, Program>
    provideService(tag: unknown, service: unknown): Step<Program, Program>
    timeout(span: string): Step<Program, Program>
    retry(options: { times: number }): Step<Program, Program>
    catchCause(answer: () => Program): Step<Program, Program>
    succeed(value: unknown): Program
  }
  readonly Scope: { readonly Scope: unknown, makeUnsafe(): unknown }
  readonly CircuitBreaker: {
    make(options: { tripPolicy: object, openDuration: string }): Program
    consecutive(failures: number): object
    rate(options: { threshold: number, size: number, minimumCalls?: number }): object
    layerStoreMemory(): unknown
  }
}

interface Breaker {
  readonly execute: (options: { readonly key: string }) => Step<Program, Program>
}

/** Programs are built once and run per call with `runPromise`, which is what a service that is not written in effect does. */
export async function effect({ Effect, Scope, CircuitBreaker }: Effect, version: string): Promise<Subject> {
  const gate = async (tripPolicy: object): Promise<Breaker> =>
    (await Effect.runPromise(
      CircuitBreaker.make({ tripPolicy, openDuration: '1 hour' }).pipe(Effect.provide(CircuitBreaker.layerStoreMemory()), Effect.provideService(Scope.Scope, Scope.makeUnsafe())),
    )) as Breaker
  const overCalls = await gate(CircuitBreaker.rate({ threshold: 0.5, size: 100 }))
  const inARow = await gate(CircuitBreaker.consecutive(5))
  const calm = await gate(CircuitBreaker.consecutive(1_000_000_000))
  const open = await gate(CircuitBreaker.consecutive(1))
  await Effect.runPromise(Effect.tryPromise(() => Promise.reject(new Error('down'))).pipe(open.execute({ key: 'open' }))).catch(() => {})
  let keys = 0
  const through = ({ execute }: Breaker): Step<Program, Program> => execute({ key: `key ${keys++}` })
  const of = (...steps: (() => Step<Program, Program>)[]): Maker => (work: Work) => {
    const program = Effect.tryPromise(() => work()).pipe(...steps.map((step) => step()))
    return () => Effect.runPromise(program)
  }
  const breaker = () => through(overCalls)
  const timeout = () => Effect.timeout('1 second')
  const retry = () => Effect.retry({ times: 2 })
  const fallback = () => Effect.catchCause(() => Effect.succeed('instead'))
  return {
    name: 'effect',
    version,
    rows: {
      nothing: of(),
      'breaker: failure ratio over calls': of(breaker),
      'breaker: failures in a row': of(() => through(inARow)),
      timeout: of(timeout),
      retry: of(retry),
      fallback: of(fallback),
      'breaker, timeout': of(timeout, breaker),
      'retry, breaker': of(breaker, retry),
      'retry, breaker, timeout': of(timeout, breaker, retry),
      'nothing, 100 at once': of(),
      'breaker, 100 at once': of(breaker),
      'breaker, timeout, 100 at once': of(timeout, breaker),
      'breaker, failing': of(() => through(calm)),
      'breaker, timeout, failing': of(timeout, () => through(calm)),
      'fallback answers': of(fallback),
      'retry twice, no delay': (_work, script) => () => {
        const fn = script()
        return Effect.runPromise(Effect.tryPromise(() => fn()).pipe(retry()))
      },
      'open breaker': of(() => open.execute({ key: 'open' })),
      'find one of 1 000 keys and call': (work) => {
        const program = Effect.tryPromise(() => work())
        let at = 0
        return () => Effect.runPromise(program.pipe(overCalls.execute({ key: `tenant-${(at = (at + 7) % 1_000)}` })))
      },
    },
  }
}
