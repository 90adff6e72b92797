import type { Trace } from '../core/inherit.ts'

/** In which headers a trace came. */
export type TraceFormat = 'w3c' | 'b3' | 'b3multi'

/** One place in a trace, as it travels in headers. */
export interface TraceContext extends Trace {
  /** 32 hex digits, not all 0. One of 64 bits (B3 has them) is filled up with zeros. */
  readonly traceId: string
  /** 16 hex digits, not all 0: whoever sent it. */
  readonly spanId: string
  /** Whether it is recorded; `undefined`: whoever comes next decides (B3 knows that). */
  readonly sampled: boolean | undefined
  /** B3's wish that it be recorded whatever anybody has decided. */
  readonly debug?: boolean
  readonly format: TraceFormat
  /** What tracing systems carry along, as it came. */
  readonly tracestate?: string | undefined
  readonly baggage?: string | undefined
}

export interface NewTrace {
  /** Whether it is recorded. Default: whoever comes next decides, which W3C's header can only say as "no". */
  readonly sampled?: boolean | undefined
  /** 0..1, for the ids. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** Begins a trace. */
export function newTrace({ sampled, random = Math.random }: NewTrace = {}): TraceContext {
  return { traceId: hex(4, random), spanId: newSpanId(random), sampled, format: 'w3c' }
}

/** 16 hex digits, not all 0. */
export function newSpanId(random: () => number = Math.random): string {
  return hex(2, random)
}

/** So many words of 32 bits; ids only have to differ, nobody need be kept from guessing them. */
function hex(words: number, random: () => number): string {
  let id = ''
  for (let i = 0; i < words; i++) id += Math.floor(random() * 0x1_00_00_00_00).toString(16).padStart(8, '0')
  // Nothing but zeros is no id.
  return /[1-9a-f]/.test(id) ? id : `${id.slice(1)}1`
}
