/** An address of this page with something to ask for. Whatever else stands in its query stays, a token of the user's proxy say. */
export function asked(what: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(what)) query.set(name, value)
  return `?${query}`
}
