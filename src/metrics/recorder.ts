import type { Observed, Observer } from '../core/observer.ts'
import type { Snapshot } from './snapshot.ts'

/** Counts what happens in pipelines: see `recorder`. Hand it to them, or to `keyed`, as an observer: `observers: [metrics]`. */
export interface Recorder extends Observer {
  attached(pipeline: Observed): Observer
  /** All that it knows, as plain data that survives JSON. Pure: it changes nothing, and may be taken as often as one likes. */
  snapshot(options?: SnapshotOptions): Snapshot
  /** The pipelines recorded under a name (`PipelineSnapshot.name`) that are still alive: their policies can be steered. */
  live(name: string): readonly Observed[]
}

export interface SnapshotOptions {
  /** Which pipelines bring their series, most of the size of a snapshot: all (`true`, the default), none, or those whose name it says. */
  readonly series?: boolean | ((pipeline: string) => boolean) | undefined
  /** Which pipelines bring their fold with its options (`nodes`). Default all. */
  readonly config?: boolean | ((pipeline: string) => boolean) | undefined
}
