/** What the service goes through, and the load that both clients put on it. */
export interface Phase {
  readonly name: string
  /** What the service is like meanwhile. */
  readonly says: string
  /** How long it lasts: in cells of the timeline, half a second each. */
  readonly cells: number
  /** How many requests are worked on at a time; the others wait in line. */
  readonly workers: number
  readonly workMs: number
  /** The share of requests that are answered with a 500. */
  readonly failing: number
}

/** The same in a third of the time: enough to see that everything works, too short for a retry storm. */
export const quick = process.argv.includes('--quick')

export const callsPerSecond = 120
export const seed = 7
export const cellMs = quick ? 500 / 3 : 500

export const phases: readonly Phase[] = [
  { name: 'good', says: 'serves 320 requests/s', cells: 6, workers: 16, workMs: 50, failing: 0 },
  { name: 'slow', says: 'takes twice as long: 160 requests/s', cells: 5, workers: 16, workMs: 100, failing: 0 },
  { name: 'failing', says: 'answers 90 % with a 500', cells: 8, workers: 16, workMs: 25, failing: 0.9 },
  { name: 'overloaded', says: 'has lost 11 workers of 16: 90 requests/s', cells: 11, workers: 5, workMs: 55, failing: 0 },
  { name: 'recovering', says: 'has them all back: 320 requests/s', cells: 15, workers: 16, workMs: 50, failing: 0 },
]

export const cells = phases.reduce((sum, phase) => sum + phase.cells, 0)
export const totalMs = cells * cellMs

/** The phase so many ms after the start; the last one goes on for the service. */
export function phaseAt(ms: number): Phase {
  let left = ms / cellMs
  return phases.find((phase) => (left -= phase.cells) < 0) ?? phases.at(-1)!
}

/** What users call it: their calls end with the script. */
export const phaseName = (ms: number): string => (ms < totalMs ? phaseAt(ms).name : 'done')
