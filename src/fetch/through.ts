import type { Front } from './front.ts'

/** Whether it can be read into a buffer of the reader's own. */
function isByteStream(stream: ReadableStream<Uint8Array>): boolean {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

/**
 * The stream that the user gets as `response.body`: of the kind that fetch's own is, and it asks that one for a chunk whenever it is
 * asked for one. It has no queue, so that backpressure is what it was, and the chunks are handed on as they are.
 */
export function through(front: Front): ReadableStream {
  const { branch } = front
  const bytes = isByteStream(branch.stream)
  const pull = async (controller: ReadableByteStreamController | ReadableStreamDefaultController): Promise<void> => {
    front.used = true
    const chunk = await branch.next()
    // A stream of bytes refuses a chunk of none.
    if (chunk !== undefined) return bytes && chunk.byteLength === 0 ? pull(controller) : controller.enqueue(chunk as Uint8Array<ArrayBuffer>)
    controller.close()
    // A buffer that was to be filled goes back empty.
    if ('byobRequest' in controller) controller.byobRequest?.respond(0)
  }
  const cancel = (reason: unknown): Promise<void> => {
    front.used = true
    return branch.cancel(reason)
  }
  return bytes ? new ReadableStream({ type: 'bytes', pull, cancel }) : new ReadableStream({ pull, cancel }, { highWaterMark: 0 })
}
