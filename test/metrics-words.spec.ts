import type { AnyEvent } from 'spillway'
import { describe, expect, it } from 'vitest'
import { worded } from '../src/metrics/words.ts'

const base = { pipeline: 'quotes', policy: 'p', at: 0 }

describe('metrics words', () => {
  it.each<[event: object, severity: string, text: string]>([
    [{ type: 'breaker.opened', from: 'closed', reason: '62 % of 41 calls in 10 s failed', breakMs: 5_000, opensInARow: 1 }, 'error', 'opened: 62 % of 41 calls in 10 s failed; rests 5 s'],
    [{ type: 'breaker.opened', from: 'halfOpen', reason: 'a probe failed', breakMs: 10_000, opensInARow: 2 }, 'error', 'opened: a probe failed; rests 10 s, 2 times in a row'],
    [{ type: 'breaker.opened', from: 'closed', reason: 'opened by hand', breakMs: Infinity, opensInARow: 1 }, 'error', 'opened: opened by hand; stays open until it is closed by hand'],
    [{ type: 'breaker.halfOpened', from: 'open' }, 'warning', 'half-open: a probe is out'],
    [{ type: 'breaker.closed', from: 'halfOpen', openedForMs: 12_300 }, 'information', 'closed after 12.3 s'],
    [{ type: 'breaker.isolated', from: 'closed' }, 'warning', 'isolated by hand'],
    [{ type: 'throttle.changed', allow: 0.4, from: 1, acceptance: 0.62 }, 'warning', 'lets 40 % pass, before 100 %'],
    [{ type: 'throttle.changed', allow: 1, from: 0.4, acceptance: 1 }, 'information', 'lets all pass again'],
    [{ type: 'shed.changed', level: 'normal', from: 'none', pressure: 0.91, share: 1 }, 'warning', 'sheds normal and less, at a pressure of 91 %'],
    [{ type: 'shed.changed', level: 'low', from: 'normal', pressure: 0.7, share: 0.5 }, 'warning', 'sheds low and less, at a pressure of 70 % and a share of 50 %'],
    [{ type: 'shed.changed', level: 'none', from: 'low', pressure: 0, share: 1 }, 'information', 'sheds nothing any more'],
    [{ type: 'limit.changed', limit: 12.34, from: 20, inFlight: 9 }, 'information', 'limit 12, before 20'],
    [{ type: 'budget.exhausted', call: '1', verdict: 'failure' }, 'warning', 'no retry: its budget is used up'],
    [{ type: 'policy.warned', message: 'x'.repeat(1_000) }, 'warning', `${'x'.repeat(299)}…`],
    [{ type: 'park.changed', state: 'parking', from: 'idle', queued: 3, parked: 3, released: 0 }, 'warning', 'lets wait: 3 do'],
    [{ type: 'park.changed', state: 'releasing', from: 'parking', queued: 40, parked: 43, released: 3 }, 'information', 'lets go those who wait: 40'],
    [{ type: 'park.changed', state: 'idle', from: 'releasing', queued: 0, parked: 43, released: 43 }, 'information', 'nobody waits any more: 43 were let go'],
    [{ type: 'endpoint.returned', weight: 1.23456, why: 'a probe', call: '1' }, 'information', 'weight 1.235, why a probe'],
    [{ type: 'endpoint.ejected' }, 'information', 'changed'],
  ])('%o', (event, severity, text) => {
    expect(worded({ ...base, ...event } as unknown as AnyEvent)).toEqual({ severity, text })
  })

  it('says nothing of what comes one by one', () => {
    expect(worded({ ...base, type: 'retry.scheduled', call: '1', number: 1, delayMs: 5, verdict: 'failure' } as AnyEvent)).toBe(undefined)
  })
})
