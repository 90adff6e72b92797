// Charts as SVG, by hand: bars of many lengths on a logarithmic scale, and lines of growth.

const INK = '#24292f'
const MUTED = '#8c959f'
const OURS = '#0969da'
const colours = ['#0969da', '#cf222e', '#1a7f37', '#9a6700', '#8250df', '#bf3989', '#57606a']

const escaped = (said: string): string => said.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function text(x: number, y: number, said: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(said)}</text>`
}

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    text(16, 24, title, 'font-size="15" font-weight="600"'),
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

export interface Bar {
  readonly label: string
  readonly value: number
  readonly said: string
}

/** Groups of bars; the scale is logarithmic, because the best and the worst are often a thousand times apart. */
export function bars(title: string, groups: readonly { readonly name: string, readonly bars: readonly Bar[] }[]): string {
  const values = groups.flatMap((group) => group.bars.map(({ value }) => value))
  const least = Math.log10(Math.min(...values) / 1.5)
  const most = Math.log10(Math.max(...values))
  const parts: string[] = []
  let y = 40
  for (const group of groups) {
    parts.push(text(16, (y += 18), group.name, 'font-weight="600"'))
    y += 6
    for (const { label, value, said } of group.bars) {
      const length = 420 * ((Math.log10(value) - least) / (most - least))
      parts.push(
        text(150, y + 12, label, 'text-anchor="end"'),
        `<rect x="158" y="${y}" width="${length.toFixed(1)}" height="15" rx="2" fill="${label === 'spillway' ? OURS : MUTED}"/>`,
        text(164 + length, y + 12, said),
      )
      y += 19
    }
  }
  return svg(720, y + 16, title, parts)
}

export interface Line {
  readonly name: string
  readonly points: readonly { readonly x: number, readonly y: number }[]
}

/** Lines over a logarithmic x, with y from 0. */
export function lines(title: string, xName: string, all: readonly Line[]): string {
  const [left, top, wide, high] = [60, 48, 460, 260]
  const xs = all.flatMap(({ points }) => points.map(({ x }) => Math.log10(Math.max(x, 1))))
  const lastX = Math.max(...xs, 1)
  const lastY = Math.max(...all.flatMap(({ points }) => points.map(({ y }) => y))) * 1.1
  const px = (x: number): number => left + (wide * Math.log10(Math.max(x, 1))) / lastX
  const py = (y: number): number => top + high - (high * y) / lastY
  const parts = [`<path d="M${left} ${top}V${top + high}H${left + wide}" fill="none" stroke="${MUTED}"/>`, text(left + wide / 2, top + high + 34, xName, 'text-anchor="middle"')]
  for (let power = 0; power <= lastX; power++) parts.push(text(px(10 ** power), top + high + 16, power < 4 ? String(10 ** power) : `1e${power}`, 'text-anchor="middle"'))
  for (const share of [0, 0.25, 0.5, 0.75]) parts.push(text(left - 6, py(lastY * share) + 4, String(Math.round(lastY * share)), 'text-anchor="end"'))
  all.forEach(({ name, points }, n) => {
    const colour = colours[n % colours.length]!
    parts.push(
      `<path d="M${points.map(({ x, y }) => `${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...points.map(({ x, y }) => `<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3" fill="${colour}"/>`),
      `<rect x="${left + wide + 20}" y="${top + n * 20}" width="12" height="12" fill="${colour}"/>`,
      text(left + wide + 38, top + n * 20 + 11, name),
    )
  })
  return svg(820, top + high + 50, title, parts)
}
