const key = 'spillway-theme'
const themes = ['system', 'light', 'dark'] as const
let chosen: (typeof themes)[number] = 'system'

export const theme = (): string => chosen

/** As it was chosen before. Storage may be refused. */
export function recall(): void {
  try {
    chosen = themes.find((one) => one === localStorage.getItem(key)) ?? 'system'
  } catch {}
  document.documentElement.dataset['theme'] = chosen
}

/** The next of the three. */
export function choose(): void {
  chosen = themes[(themes.indexOf(chosen) + 1) % themes.length]!
  document.documentElement.dataset['theme'] = chosen
  try {
    localStorage.setItem(key, chosen)
  } catch {}
}
