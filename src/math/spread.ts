/**
 * Where spans fall on a fixed, logarithmic scale: eight cells per doubling from 1/16 ms to 17 minutes, each at most 12.5 % wide, so
 * that a quantile read from the counts of cells is off by at most that (the idea of HdrHistogram). What is shorter or longer goes to
 * the first or last cell. A cell is had from the bits of the number as a float, in a few ns.
 */
export const CELLS = 194

const LEAST = 1 / 16
/** Leaves the exponent and three bits of the mantissa. */
const SHIFT = 20

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

const FIRST = code(LEAST)

function code(ms: number): number {
  float[0] = ms
  return bits[0]! >>> SHIFT
}

/** The cell of a span in ms; NaN and what is negative go to the first. */
export function cellOf(ms: number): number {
  if (!(ms >= LEAST)) return 0
  const cell = code(ms) - FIRST + 1
  return cell < CELLS ? cell : CELLS - 1
}

/** Where a cell begins, in ms. */
function beginOf(cell: number): number {
  if (cell === 0) return 0
  bits[0] = (cell - 1 + FIRST) << SHIFT
  return float[0]!
}

/**
 * The span in ms that the share `q` of those counted does not exceed; NaN when nothing was counted. Within a cell they are taken as
 * evenly spread.
 *
 * @param counts of `CELLS` cells
 */
export function quantile(counts: ArrayLike<number>, q: number): number {
  let all = 0
  for (let cell = 0; cell < CELLS; cell++) all += counts[cell]!
  if (all === 0) return NaN
  let left = q * all
  let cell = 0
  while (counts[cell]! < left || counts[cell] === 0) left -= counts[cell++]!
  return beginOf(cell) + ((beginOf(cell + 1) - beginOf(cell)) * left) / counts[cell]!
}
