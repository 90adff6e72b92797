// One's own code, tested without waiting: a manual clock, a scripted upstream and chance that repeats.
import assert from 'node:assert/strict'
import { breaker, fallback, pipeline, retry, timeout, type PipelineOptions } from 'spillway'
import { manualClock, scriptedUpstream, seededRandom } from 'spillway/testing'

// #region code
interface Quote { readonly price: number }
type Load = (attempt: { readonly signal: AbortSignal }) => Promise<Quote>

/** One's own code: what is tested. It takes its time and chance as an option. */
function quoteService(load: Load, options?: PipelineOptions) {
  const quotes = pipeline('quotes', [
    fallback(() => ({ price: NaN })),
    retry({ maxAttempts: 3, budget: false }),
    breaker({ consecutive: 5, breakMs: 5_000 }),
    timeout(500),
  ], options)
  return { quote: () => quotes.run(load) }
}
// #endregion code

{
  // #region retry
  const clock = manualClock()
  const upstream = scriptedUpstream<Quote>({ clock })
  const service = quoteService(upstream, { clock, random: seededRandom(1) })

  upstream.fail(new Error('connection lost')).hang().succeed({ price: 42 })
  const answer = service.quote()
  await clock.runAll()

  assert.deepEqual(await answer, { price: 42 })
  assert.deepEqual(upstream.calls.map((call) => call.number), [1, 2, 3])
  assert.equal(upstream.calls[1]?.aborted, true) // the one that hung, after its 500 ms
  assert.equal(upstream.inFlight, 0)
  // #endregion retry
  console.log(`three attempts within ${Math.round(clock.now())} ms that nobody waited for`)
}

{
  // #region outage
  const clock = manualClock()
  const upstream = scriptedUpstream<Quote>({ clock })
  const service = quoteService(upstream, { clock, random: seededRandom(1) })

  upstream.always.fail(new Error('down'))
  for (let i = 0; i < 10; i++) {
    const answer = service.quote()
    await clock.runAll()
    assert.deepEqual(await answer, { price: NaN })
  }
  assert.equal(upstream.calls.length, 5) // then the breaker opened

  upstream.always.succeed({ price: 42 })
  await clock.advance(6_000)
  assert.deepEqual(await service.quote(), { price: 42 })
  // #endregion outage
  console.log(`${upstream.calls.length} calls reached the dependency, the last one a probe`)
}

{
  // #region rejects
  const clock = manualClock()
  const upstream = scriptedUpstream<Quote>({ clock })
  const strict = pipeline('strict', [retry({ maxAttempts: 2, budget: false })], { clock })

  upstream.always.fail(new Error('down'))
  const rejected = assert.rejects(strict.run(upstream), /down/) // listens before the clock moves
  await clock.runAll()
  await rejected
  // #endregion rejects
  console.log(`rejected after ${upstream.calls.length} attempts`)
}

{
  // #region hand
  const clock = manualClock()
  const upstream = scriptedUpstream<Quote>({ clock }).hang({ ignoreAbort: true })
  const service = quoteService(upstream, { clock })

  const answer = service.quote()
  await clock.advance(100)
  upstream.calls[0]?.succeed({ price: 7 })

  assert.deepEqual(await answer, { price: 7 })
  // #endregion hand
  console.log(`answered by hand at ${upstream.calls[0]?.endedAt} ms`)
}

// prints: three attempts within
// prints: 6 calls reached the dependency, the last one a probe
// prints: rejected after 2 attempts
// prints: answered by hand at 100 ms
