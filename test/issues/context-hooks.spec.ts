import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { currentContext, nodeContext } from 'spillway/context'

const response = { setHeader: () => {} }

describe('what a context asks of its user', () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  beforeEach(() => void process.on('unhandledRejection', note))
  afterEach(() => void process.off('unhandledRejection', note))

  it('may be asynchronous by mistake: that is told, and costs neither the request nor the process', async () => {
    const told: unknown[] = []
    const rejecting = (async () => {
      throw new Error('late')
    }) as never
    const middleware = nodeContext({ trustPriority: rejecting, priority: rejecting, task: rejecting, trace: rejecting, onInternalError: (error) => told.push(error) })
    let context: unknown
    middleware({ headers: { 'x-request-priority': 'high' } }, response, () => (context = currentContext()))
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(context).toEqual({ priority: undefined, subLevel: undefined, trace: undefined, leftMs: Infinity })
    expect([told.length, unhandled]).toEqual([4, []])
  })
  it('may throw, and so may who is told of it', () => {
    const fail = (): never => {
      throw new Error('bug')
    }
    let ran = false
    nodeContext({ task: fail, onInternalError: fail })({ headers: {} }, response, () => (ran = true))
    expect(ran).toBe(true)
  })
})
