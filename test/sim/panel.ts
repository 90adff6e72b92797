export interface Line {
  readonly name: string
  /** One of the six colours of the style. */
  readonly color: number
  /** One per second; NaN leaves a gap. */
  readonly values: readonly number[]
}

export interface Panel {
  readonly label: string
  /** The top of the scale; its foot is 0. */
  readonly most: number
  readonly lines: readonly Line[]
}

export const panelSize = { width: 250, height: 92 }
const { width, height } = panelSize

/** More points than this are not told apart. */
const POINTS = 125

export function panel({ label, most, lines }: Panel, labelled: boolean): string {
  const seconds = Math.max(...lines.map(({ values }) => values.length))
  const axis = labelled ? `<text x="-6" y="9" text-anchor="end">${short(most)}</text><text x="-6" y="${height}" text-anchor="end">0</text>` : ''
  let x = 0
  const legend = lines.map(({ name, color }) => {
    const text = `<tspan x="${x}" class="t${color}">${name}</tspan>`
    x += name.length * 5.6 + 10
    return text
  })
  return [
    `<rect width="${width}" height="${height}" class="frame"/>`,
    ...lines.map(({ color, values }) => `<path class="c${color}" d="${path(values, most, seconds)}"/>`),
    axis,
    `<text y="${height + 13}">${legend.join('')}</text>`,
    labelled ? `<text x="4" y="12">${label}</text>` : '',
    `<text x="${width}" y="${height + 25}" text-anchor="end">${seconds} s</text>`,
  ].join('')
}

/** Means of neighbouring seconds where there are too many; what leaves the scale stays at its top. */
function path(values: readonly number[], most: number, seconds: number): string {
  const step = Math.ceil(seconds / POINTS)
  let d = ''
  let pen = 'M'
  for (let second = 0; second < values.length; second += step) {
    const some = values.slice(second, second + step).filter((n) => !Number.isNaN(n))
    if (some.length === 0) {
      pen = 'M'
      continue
    }
    const mean = some.reduce((sum, n) => sum + n, 0) / some.length
    d += `${pen}${round((second / Math.max(1, seconds - 1)) * width)} ${round(height - Math.min(1, mean / most) * height)}`
    pen = 'L'
  }
  return d
}

const round = (n: number): number => Math.round(n * 10) / 10
const short = (n: number): string => (n >= 100 ? String(Math.round(n / 10) * 10) : String(Math.round(n * 10) / 10))
