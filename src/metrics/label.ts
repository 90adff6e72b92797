/** Names longer than this are cut: a label is for people, and every target has a limit. */
const LONGEST = 120

/** What a pipeline is called: its name, and its key where that does not say it. */
export function labelOf(name: string, key: string | undefined): string {
  return short(key === undefined || name.includes(key) ? name : `${name}/${key}`)
}

/** At most 120 characters; a cut one ends with eight that tell it from others that begin alike. */
export function short(name: string): string {
  return name.length <= LONGEST ? name : `${name.slice(0, LONGEST - 9).replace(/[\uD800-\uDBFF]$/, '')}…${hash(name)}`
}

/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv). */
export function hash(text: string): string {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h >>> 0).toString(16).padStart(8, '0')
}
