/** What a name may hold to be shown as it is: nothing that cannot be seen, breaks lines or turns the direction of others' text. */
const plain = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,100}$/u
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu

/**
 * A name as plain text of at most some 110 characters. What has to be changed for that gets the hash of the whole name, so that two names
 * stay two. It may still hold markup: whoever shows it shows it as text.
 */
export function label(name: string): string {
  if (plain.test(name)) return name
  return `${Array.from(name.slice(0, 200).replace(unseen, ' ')).slice(0, 100).join('').trim()}… #${hash(name)}`
}

/** Text of others in a sentence of ours. */
export function brief(text: string, longest = 240): string {
  const seen = text.slice(0, longest + 1).replace(unseen, ' ')
  return seen.length > longest ? `${seen.slice(0, longest)}…` : seen
}

/** FNV-1a, 32 bits. (Fowler, Noll, Vo; RFC 9923.) */
function hash(text: string): string {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h >>> 0).toString(16).padStart(8, '0')
}
