// gRPC: a signal becomes `call.cancel()`, the attempt's deadline the call's, which the server is told. The channel's own
// retries are off.
import { type CallOptions, type ChannelOptions, type ClientUnaryCall, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { type Attempt, classify, type Classify } from 'spillway'

/** All calls share one connection: without keepalive one to a server that is gone without a word would stay for minutes. */
export const channelOptions: ChannelOptions = {
  'grpc.enable_retries': 0,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 1_000,
  'grpc.max_reconnect_backoff_ms': 5_000,
}

type Start<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response?: Response) => void,
) => ClientUnaryCall

/** For `bind`: `const getQuote = quotes.bind(unary(client.getQuote.bind(client)))`, then `await getQuote({ id: 7 })`. */
export function unary<Request, Response>(start: Start<Request, Response>) {
  return ({ signal, deadline }: Attempt, request: Request, metadata: Metadata = new Metadata()): Promise<Response> =>
    new Promise((resolve, reject) => {
      // A wall-clock time, and a little later than ours, so that it is ours that answers the caller.
      const until = deadline === Infinity ? Infinity : Date.now() + (deadline - performance.now()) + 100
      const call = start(request, metadata, { deadline: until }, (error, response) => (error === null ? resolve(response as Response) : reject(error)))
      signal.addEventListener('abort', () => call.cancel(), { once: true })
    })
}

/** Codes by which a healthy server says no. */
const answers = new Set<unknown>([
  status.INVALID_ARGUMENT, status.NOT_FOUND, status.ALREADY_EXISTS, status.PERMISSION_DENIED, status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE, status.UNIMPLEMENTED, status.UNAUTHENTICATED,
])

/** The default classifier knows 8 and 14, overload. */
export const classifyGrpc: Classify = (outcome, attempt) => {
  if (outcome.ok) return 'success'
  const { code } = outcome.error as { code?: unknown }
  if (answers.has(code)) return 'success'
  return code === status.DEADLINE_EXCEEDED ? 'overload' : classify(outcome, attempt)
}
