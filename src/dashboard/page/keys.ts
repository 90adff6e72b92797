import { choose } from './theme.ts'
import type { Page } from './page.ts'

const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[data-row]')]

function step(by: number): void {
  const all = rows()
  const at = all.findIndex((one) => one === document.activeElement || one.closest('.row')?.contains(document.activeElement))
  all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))]?.focus()
}

/** Single keys, unless something is being written. */
export function listen(page: Page): void {
  document.addEventListener('keydown', (event) => {
    const { target, key } = event
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]') !== null) return
    if (target instanceof HTMLInputElement) {
      if (key !== 'Escape' || target.id !== 'search') return
      target.value = ''
      target.blur()
      return page.find('')
    }
    const act: Readonly<Record<string, () => void>> = {
      '/': () => document.getElementById('search')?.focus(),
      j: () => step(1),
      k: () => step(-1),
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      p: () => page.pause(),
      t: () => (choose(), page.draw()),
      '?': () => ((page.helping = true), page.draw()),
    }
    const found = Object.hasOwn(act, key) ? act[key] : undefined
    // Arrows move between rows only from a row: elsewhere they scroll.
    if (found === undefined || (key.startsWith('Arrow') && !(target instanceof HTMLElement && target.dataset['row'] !== undefined))) return
    event.preventDefault()
    found()
  })
}
