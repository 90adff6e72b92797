import type { Command } from './wire.ts'

const longest = 4_096

/** The command in a request's body; `undefined` where there is none. */
export async function commandIn(request: Request): Promise<Command | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > longest) return undefined
  const text = await request.text()
  if (text.length > longest) return undefined
  let said: Partial<Record<keyof Command, unknown>>
  try {
    said = JSON.parse(text) as typeof said
  } catch {
    return undefined
  }
  if (typeof said !== 'object' || said === null) return undefined
  const { pipeline, policy, action, allow } = said
  if (typeof pipeline !== 'string' || typeof policy !== 'string') return undefined
  if (action === 'isolate' || action === 'close') return { pipeline, policy, action }
  return action === 'allow' && isRatio(allow) ? { pipeline, policy, action, allow } : undefined
}

function isRatio(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1
}
