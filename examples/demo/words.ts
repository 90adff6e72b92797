// How numbers are written.
export const percent = (part: number): string => (Number.isNaN(part) ? '–' : `${(100 * part).toFixed(1)} %`)
export const milliseconds = (ms: number): string => (Number.isNaN(ms) ? '–' : `${ms.toFixed(0)} ms`)
export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
export const whole = (count: number): string => Math.round(count).toLocaleString('en')

/** Whether a person looks on at a terminal that shows colours. */
export const live = process.stdout.isTTY && !process.env['NO_COLOR'] && !process.env['CI']

const paint = (code: number) => (text: string) => (live ? `\x1b[${code}m${text}\x1b[0m` : text)
export const bold = paint(1)
export const dim = paint(2)
export const red = paint(31)
export const green = paint(32)
export const yellow = paint(33)
export const cyan = paint(36)

/** The colour of a share of success. */
export const tone = (part: number) => (part >= 0.95 ? green : part >= 0.5 ? yellow : red)

const breakerTones = { closed: green, open: red, isolated: red, halfOpen: yellow, none: dim }
export const breakerTone = (state: keyof typeof breakerTones) => breakerTones[state]
