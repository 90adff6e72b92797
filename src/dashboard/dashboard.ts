import { wrongType } from '../core/options.ts'
import type { Recorder } from '../metrics/recorder.ts'
import { events, json, page } from './answers.ts'
import { Audience } from './audience.ts'
import { commandIn } from './command.ts'
import { configurationOf, find } from './configuration.ts'
import { obey } from './control.ts'
import { documentOf } from './document.ts'
import { type DashboardOptions, type DashboardSettings, settings } from './options.ts'
import { picture } from './picture.ts'
import { fromElsewhere, fromOwnPage } from './same-site.ts'

/** A handler of Requests: mount it at one path, whichever. */
export interface Dashboard {
  (request: Request): Response | Promise<Response>
  /** How many streams there are. */
  readonly viewers: number
  /** Ends all streams, which a server waits for when it closes. Pages that are open come back by themselves. */
  close(): void
}

/** Longer searches are cut. */
const longestSearch = 100

/**
 * A live picture of all pipelines that these recorders are told of, as one page: `dashboard(metrics)` answers a Request with the page, or
 * with what the page then asks for at the same address (a stream of snapshots as server-sent events, a pipeline's configuration, a command).
 * For `node:http` wrap it in `toNode`. Show it only to whom you would show your logs: it has no login of its own, so mount it behind yours.
 *
 * Read-only unless `allowControl`. One timer while somebody looks on and none otherwise; a snapshot per tick whatever the number of
 * viewers; at most two frames wait for one that is slow, which misses the others.
 */
export function dashboard(recorders: Recorder | readonly Recorder[], options?: DashboardOptions): Dashboard {
  const all = checkRecorders(recorders)
  const set = settings(options)
  const look = { title: set.title, everyMs: set.everyMs, shown: set.shown, control: set.authorize !== undefined }
  const audience = new Audience({
    clock: set.clock,
    everyMs: set.everyMs,
    maxClients: set.maxClients,
    picture: (search) => JSON.stringify(picture(all, search, look)),
    report: set.onInternalError,
  })

  const handle = (request: Request): Response | Promise<Response> => {
    const asked = new URL(request.url).searchParams
    if (request.method === 'POST' && asked.has('control')) return command(request, all, set)
    if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { message: 'GET, please.' }, { allow: 'GET, HEAD, POST' })
    if (asked.has('stream')) return stream(request, (asked.get('q') ?? '').slice(0, longestSearch))
    const id = asked.get('config')
    if (id !== null) return configuration(id, all)
    return page(documentOf(picture(all, '', look)))
  }

  const stream = (request: Request, search: string): Response => {
    // Another site cannot read it, but could take up places with it.
    if (fromElsewhere(request)) return json(403, { message: 'Not from another site.' })
    if (request.method === 'HEAD') return events(null)
    const body = audience.join(search, request.signal)
    return body === undefined ? json(503, { message: 'All places are taken.' }, { 'retry-after': '5' }) : events(body)
  }

  return Object.defineProperty(Object.assign(guarded(handle, set), { close: () => audience.close() }), 'viewers', { get: () => audience.size }) as Dashboard
}

function checkRecorders(recorders: Recorder | readonly Recorder[]): readonly Recorder[] {
  const all = Array.isArray(recorders) ? (recorders as readonly Recorder[]) : [recorders as Recorder]
  for (const one of all) {
    if (typeof (one as Partial<Recorder> | undefined)?.snapshot !== 'function') wrongType('dashboard(recorders)', 'a recorder of spillway/metrics, or a list of them', one)
  }
  if (all.length === 0) wrongType('dashboard(recorders)', 'at least one recorder', recorders)
  return [...all]
}

/** What goes wrong inside is told to the user, not to the viewer. */
function guarded(handle: (request: Request) => Response | Promise<Response>, { onInternalError }: DashboardSettings): (request: Request) => Response | Promise<Response> {
  const failed = (error: unknown): Response => {
    onInternalError(error)
    return json(500, { message: 'Something went wrong inside the dashboard.' })
  }
  return (request) => {
    try {
      const answer = handle(request)
      return answer instanceof Promise ? answer.catch(failed) : answer
    } catch (error) {
      return failed(error)
    }
  }
}

function configuration(id: string, recorders: readonly Recorder[]): Response {
  const found = find(recorders, id)
  return found === undefined ? json(404, { message: 'There is no such pipeline.' }) : json(200, configurationOf(id, found))
}

async function command(request: Request, recorders: readonly Recorder[], { authorize, onInternalError }: DashboardSettings): Promise<Response> {
  if (authorize === undefined) return json(403, { message: 'This dashboard is read-only.' })
  // A form of another site can send neither this header nor JSON, and a script of another site would have to ask first: nobody says yes.
  const ours = fromOwnPage(request) && request.headers.get('x-spillway-control') === '1' && /^application\/json\b/.test(request.headers.get('content-type') ?? '')
  if (!ours) return json(403, { message: 'Only the page itself may do this.' })
  const allowed = await permitted(authorize, request, onInternalError)
  if (!allowed) return json(403, { message: 'You may look, but not touch.' })
  const said = await commandIn(request)
  if (said === undefined) return json(400, { message: 'That is no command.' })
  const found = find(recorders, said.pipeline)
  if (found === undefined) return json(404, { message: 'There is no such pipeline any more.' })
  const { status, message } = obey(said, found)
  return json(status, { message })
}

/** Only `true` is a yes. */
async function permitted(authorize: NonNullable<DashboardSettings['authorize']>, request: Request, report: (error: unknown) => void): Promise<boolean> {
  try {
    const said: unknown = await authorize(request.clone())
    return said === true
  } catch (error) {
    report(error)
    return false
  }
}
