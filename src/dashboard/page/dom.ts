/** A node as data: `patch` makes the document like it, and touches only what differs. */
export interface VNode {
  readonly tag: string
  readonly props: Props
  readonly children: readonly Child[]
}

export type Child = VNode | string
type Plain = string | number | boolean | null | undefined
type Value = Plain | ((event: never) => void) | Readonly<Record<string, string>>
/** `key` tells siblings apart; `on…` is a listener; `vars` are CSS custom properties; all else is an attribute. */
export type Props = Readonly<Record<string, Value>>

const svgTags = new Set(['svg', 'path', 'rect'])
const made = new WeakMap<Node, VNode>()

/** What stands in an element; what is nothing is left out. */
export type Content = Child | false | null | undefined | readonly Content[]

export function h(tag: string, props: Props | null, ...content: readonly Content[]): VNode {
  const children = ((content as readonly unknown[]).flat(Infinity) as (Child | false | null | undefined)[]).filter((child) => child !== false && child !== null && child !== undefined)
  return { tag, props: props ?? {}, children: children.filter((child) => child !== '') }
}

/** Makes the children of `parent` like `next`. Focus stays where it was, also on a node that has moved. */
export function render(parent: Element, next: readonly Child[]): void {
  const focused = document.activeElement
  patch(parent, next)
  if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true })
}

function patch(parent: Node, next: readonly Child[]): void {
  const old = [...parent.childNodes]
  const keyed = new Map<Value, ChildNode>()
  for (const node of old) {
    const key = made.get(node)?.props['key']
    if (key !== undefined) keyed.set(key, node)
  }
  const used = new Set<ChildNode>()
  let unkeyed = 0
  const nodes = next.map((child) => {
    const key = typeof child === 'string' ? undefined : child.props['key']
    let node: ChildNode | undefined
    if (key !== undefined) node = keyed.get(key)
    else {
      while (unkeyed < old.length && made.get(old[unkeyed]!)?.props['key'] !== undefined) unkeyed++
      node = old[unkeyed++]
    }
    const fit = node === undefined ? make(child) : reuse(node, child)
    used.add(fit)
    return fit
  })
  for (const node of old) if (!used.has(node)) node.remove()
  nodes.forEach((node, i) => {
    const there = parent.childNodes[i]
    if (there !== node) parent.insertBefore(node, there ?? null)
  })
}

function reuse(node: ChildNode, child: Child): ChildNode {
  if (typeof child === 'string') {
    if (!(node instanceof Text)) return document.createTextNode(child)
    if (node.data !== child) node.data = child
    return node
  }
  const before = made.get(node)
  if (!(node instanceof Element) || before?.tag !== child.tag) return make(child)
  dress(node, before.props, child.props)
  made.set(node, child)
  patch(node, child.children)
  return node
}

function make(child: Child): ChildNode {
  if (typeof child === 'string') return document.createTextNode(child)
  const element = svgTags.has(child.tag) ? document.createElementNS('http://www.w3.org/2000/svg', child.tag) : document.createElement(child.tag)
  dress(element, {}, child.props)
  made.set(element, child)
  patch(element, child.children)
  return element
}

function dress(element: Element, before: Props, after: Props): void {
  for (const name of Object.keys(before)) if (!(name in after)) set(element, name, undefined)
  for (const [name, value] of Object.entries(after)) {
    if (name.startsWith('on') || name === 'vars' || before[name] !== value) set(element, name, value)
  }
}

function set(element: Element, name: string, value: Value): void {
  if (name === 'key') return
  if (name.startsWith('on')) (element as unknown as Record<string, unknown>)[name] = value ?? null
  else if (name === 'vars') for (const [property, text] of Object.entries(value ?? {})) (element as HTMLElement).style.setProperty(property, text as string)
  else if (value === undefined || value === null || value === false) element.removeAttribute(name)
  else element.setAttribute(name, value === true ? '' : String(value as string | number))
}
