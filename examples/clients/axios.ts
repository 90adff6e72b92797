// axios: the policies stand around its adapter. Interceptors run once per call, outside; a retry repeats only the request.
// axios has no retries of its own. If `axios-retry` is installed on the instance, take it off: retries multiply.
import axios, { type AxiosInstance, type AxiosResponse, create, type CreateAxiosDefaults, getAdapter } from 'axios'
import { classify, type Classify, type Pipeline } from 'spillway'
import { classifyFetch } from 'spillway/fetch'

/** What a status says about the server, whatever `validateStatus` makes of it; Retry-After included. */
export const classifyAxios: Classify = (outcome, attempt) => {
  const response = (outcome.ok ? outcome.value : (outcome.error as { response?: unknown } | null)?.response) as AxiosResponse | undefined
  if (response === undefined) return classify(outcome, attempt)
  const headers = { get: (name: string) => (response.headers[name] as string | undefined) ?? null }
  return classifyFetch({ ok: true, value: { status: response.status, headers } }, attempt)
}

/**
 * An axios whose requests run in the pipeline: `resilientAxios(pipeline('quotes', [...], { classify: classifyAxios }), { baseURL })`.
 * A caller's abort rejects with axios' own `CanceledError`, as always.
 */
export function resilientAxios(pipeline: Pipeline, defaults: CreateAxiosDefaults = {}): AxiosInstance {
  const send = getAdapter(defaults.adapter ?? axios.defaults.adapter)
  return create({
    ...defaults,
    adapter: (config) =>
      pipeline.run(({ signal }) => send({ ...config, signal }), {
        signal: config.signal as AbortSignal | undefined,
        // What must not be sent twice, and a stream, which cannot be.
        idempotent: !/^(post|patch)$/i.test(config.method ?? 'get') && typeof (config.data as { pipe?: unknown } | undefined)?.pipe !== 'function',
      }),
  })
}
