import { historyMs } from '../wire.ts'
import type { Page } from './page.ts'
import { span, timeOfDay } from './words.ts'

/** A line through all rows at the moment that is pointed at; and while somebody points at rows, they keep their places. */
export function follow(app: HTMLElement, page: Page): void {
  app.addEventListener('pointermove', ({ clientX, target, pointerType }) => {
    if (pointerType === 'touch' || !(target instanceof Element)) return
    page.held = target.closest('.rows') !== null
    const when = target.closest('.when, #axis')
    const rect = when?.getBoundingClientRect()
    const moment = document.getElementById('moment')
    if (moment === null) return
    document.body.classList.toggle('pointing', rect !== undefined)
    if (rect === undefined) return
    const part = Math.max(0, Math.min(1, (clientX - rect.left) / rect.width))
    const agoMs = (1 - part) * historyMs
    document.body.style.setProperty('--moment', `${(part * 100).toFixed(2)}%`)
    moment.textContent = agoMs < 1_000 ? 'now' : `${span(agoMs)} ago · ${timeOfDay((page.frame?.at ?? 0) - agoMs)}`
  })
  app.addEventListener('pointerleave', () => {
    page.held = false
    document.body.classList.remove('pointing')
  })
}
