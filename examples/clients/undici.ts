// undici's `request`: no retries of its own, and a status is never an error. Its own limits (300 s) stay far behind yours.
import { classify, type Classify, type Pipeline } from 'spillway'
import { classifyFetch } from 'spillway/fetch'
import { type Dispatcher, request } from 'undici'

type Answer = Dispatcher.ResponseData<unknown>

/** For the options of the pipeline: what a status says about the server, and what happens to an answer that nobody gets. */
export const undiciOptions = {
  classify: ((outcome, attempt) => {
    if (!outcome.ok) return classify(outcome, attempt)
    const { statusCode: status, headers } = outcome.value as Answer
    return classifyFetch({ ok: true, value: { status, headers: { get: (name: string) => (headers[name] as string | undefined) ?? null } } }, attempt)
  }) satisfies Classify,
  /** The body of a failure before its retry: read away, so that its connection can be used again. */
  discard: (value: unknown) => void (value as Answer).body.dump(),
}

/** `const send = resilientRequest(pipeline('quotes', [...], undiciOptions))`; the same arguments as `request`. */
export function resilientRequest(pipeline: Pipeline) {
  return (url: string | URL, options: Parameters<typeof request>[1] = {}): Promise<Answer> =>
    pipeline.run(({ signal }) => request(url, { ...options, signal }), {
      signal: options?.signal as AbortSignal | undefined,
      idempotent: !/^(POST|PATCH)$/.test(options?.method ?? 'GET'),
    })
}
