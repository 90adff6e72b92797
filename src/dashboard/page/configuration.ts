import type { Configuration } from '../wire.ts'
import { h, type VNode } from './dom.ts'
import type { Page } from './page.ts'

/** Every option in force, those included that nobody has said. Asked for when a pipeline is unfolded. */
export function configuration(id: string, page: Page): VNode {
  const known = page.configurations.get(id)
  return h(
    'section',
    { key: 'configuration', class: 'card wide' },
    h('h3', null, 'Configuration in force, defaults included'),
    known === undefined ? h('p', { class: 'note' }, 'Loading…') : typeof known === 'string' ? h('p', { class: 'note' }, known) : tables(known),
  )
}

function tables({ fold, policies, warnings }: Configuration): VNode[] {
  return [
    h('p', { class: 'foldline', tabindex: '0', role: 'region', 'aria-label': 'The order of its policies' }, fold),
    ...warnings.map((text) => h('p', { class: 'reason' }, text)),
    h(
      'div',
      { class: 'policies' },
      policies.map(({ name, type, options }, i) =>
        h(
          'section',
          { key: String(i) },
          h('h4', null, h('bdi', null, name === type || name === '' ? type : `${type} ${name}`)),
          options.length === 0 ? h('p', { class: 'note' }, 'No options.') : h('dl', { class: 'options' }, options.map(([option, value]) => h('div', { key: option }, h('dt', null, option), h('dd', null, value)))),
        ),
      ),
    ),
  ]
}
