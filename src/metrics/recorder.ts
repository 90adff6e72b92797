import type { Observed, Observer } from '../core/observer.ts'
import { labelOf } from './label.ts'
import { Log } from './log.ts'
import { type RecorderOptions, recorderOptions } from './options.ts'
import { picture } from './picture.ts'
import type { Snapshot } from './snapshot.ts'
import { HISTORY_MS } from './states.ts'
import { STEPS } from './tape.ts'
import { Track } from './track.ts'
import { cut } from './words.ts'
import { Watch } from './watch.ts'

/** Counts what happens in pipelines: see {@link recorder}. Hand it to them, or to `keyed`, as an observer: `observers: [metrics]`. */
export interface Recorder extends Observer {
  attached(pipeline: Observed): Observer
  /** All that it knows, as plain data that survives JSON. Pure: it changes nothing, and may be taken as often as one likes. */
  snapshot(options?: SnapshotOptions): Snapshot
  /** Puts a warning of an exporter, or of yours, into the log: `exporter.warned`. */
  warn(message: string): void
  /** The pipelines recorded under a name (`PipelineSnapshot.name`) that are still alive: their policies can be steered. */
  live(name: string): readonly Observed[]
}

export interface SnapshotOptions {
  /** Which pipelines are in it at all. Default all. */
  readonly only?: boolean | ((pipeline: string) => boolean) | undefined
  /**
   * Which pipelines bring what takes most of the time to gather: `past`, the histograms, the percentiles of the window. The others have
   * empty ones there, and null. Default all.
   */
  readonly detail?: boolean | ((pipeline: string) => boolean) | undefined
  /** Which pipelines bring their series, most of the size of a snapshot: all (`true`, the default), none, or those whose name it says. */
  readonly series?: boolean | ((pipeline: string) => boolean) | undefined
  /** Which pipelines bring their fold with its options (`nodes`). Default all. */
  readonly config?: boolean | ((pipeline: string) => boolean) | undefined
}

function wants(which: boolean | ((pipeline: string) => boolean), label: string): boolean {
  return typeof which === 'function' ? which(label) : which
}

/** Under one name, as many are looked at for their states. */
const LOOKS = 100

/**
 * Records calls, attempts, refusals, retries, states and rare events of the pipelines that it observes: counters, histograms of fixed buckets,
 * percentiles of a sliding window, two minutes second by second, states of 15 minutes, a bounded log. Exporters and the dashboard read its
 * `snapshot()`. Breakers, bulkheads, limits and the like are asked for their state at that time.
 *
 * Per call it allocates nothing, looks nothing up and reads the clock no more than its pipeline does; it has no timer. It holds pipelines
 * weakly. Options and defaults: {@link RecorderOptions}; `RangeError` or `TypeError` for one out of its range.
 */
export function recorder(options?: RecorderOptions): Recorder {
  const { windowMs, maxPipelines, overflow, maxEvents, now } = recorderOptions(options)
  const tracks = new Map<string, Track>()
  const watches = new WeakMap<Observed, Watch>()
  const log = new Log(maxEvents)
  const since = now()
  let others: Track | undefined
  let looked = -Infinity

  function trackOf(label: string, at: number): Track {
    let track = tracks.get(label)
    if (track !== undefined) return track
    if (tracks.size >= maxPipelines) makeRoom(at)
    if (tracks.size >= maxPipelines) return (others ??= new Track(overflow, windowMs / 1_000, true))
    track = new Track(label, windowMs / 1_000, false)
    tracks.set(label, track)
    return track
  }

  /** Whose pipelines are all gone, and have been quiet for as long as histories go back, makes room. Looked for once a minute at most. */
  function makeRoom(at: number): void {
    if (at - looked < 60_000) return
    looked = at
    for (const [label, track] of tracks) {
      const quiet = (track.counts?.tape.end ?? -Infinity) < at - HISTORY_MS
      if (quiet && track.live().length === 0) tracks.delete(label)
    }
  }

  return {
    attached(pipeline) {
      let watch = watches.get(pipeline)
      if (watch === undefined) {
        const at = now()
        const track = trackOf(labelOf(pipeline.name, pipeline.key), at)
        track.join(pipeline)
        watches.set(pipeline, (watch = new Watch(pipeline, track, at - pipeline.clock.now(), log)))
      }
      return watch
    },
    snapshot({ only = true, detail = true, series = true, config = true } = {}) {
      const at = now()
      const historyFrom = Math.max(since, at - HISTORY_MS)
      const all = others === undefined ? [...tracks.values()] : [...tracks.values(), others]
      const asked = all.filter(({ label }) => wants(only, label))
      return {
        at,
        since,
        windowMs,
        axis: { from: (Math.floor(at / 1_000) - STEPS + 1) * 1_000, stepMs: 1_000, steps: STEPS },
        historyFrom,
        pipelines: asked.map((track) => picture(track, { at, since, historyFrom, detail: wants(detail, track.label), series: wants(series, track.label), config: wants(config, track.label) })),
        log: log.read(),
      }
    },
    warn(message) {
      log.add({ at: now(), pipeline: '', policy: null, type: 'exporter.warned', severity: 'warning', text: cut(message) })
    },
    live(name) {
      return (name === others?.label ? others : tracks.get(name))?.live().slice(-LOOKS) ?? []
    },
  }
}
