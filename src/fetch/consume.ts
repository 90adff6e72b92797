const utf8 = new TextDecoder()

/** All that came, as one. */
export function join(chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const chunk of chunks) {
    if (!ArrayBuffer.isView(chunk)) throw new TypeError('Received non-Uint8Array chunk')
    length += chunk.byteLength
  }
  if (chunks.length === 1) return chunks[0]!
  const all = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.byteLength
  }
  return all
}

/** A response of the same type that has it all: for the methods that look at it. */
function having(bytes: Uint8Array, { headers }: Response): Response {
  const type = headers.get('content-type')
  return new Response(bytes as Uint8Array<ArrayBuffer>, type === null ? {} : { headers: { 'content-type': type } })
}

/** Bytes of their own, and nothing beside them in their buffer. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice()
}

/** What each method of a body makes of its bytes. */
export const consumers = {
  text: (bytes: Uint8Array): string => utf8.decode(bytes),
  json: (bytes: Uint8Array): unknown => JSON.parse(utf8.decode(bytes)) as unknown,
  arrayBuffer: (bytes: Uint8Array): ArrayBufferLike => owned(bytes).buffer,
  bytes: (bytes: Uint8Array): Uint8Array => owned(bytes),
  blob: (bytes: Uint8Array, response: Response): Promise<Blob> => having(bytes, response).blob(),
  formData: (bytes: Uint8Array, response: Response): Promise<FormData> => having(bytes, response).formData(),
}

export type Consumer = keyof typeof consumers
