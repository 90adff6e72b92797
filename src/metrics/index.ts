export type { Recorder, SnapshotOptions } from './recorder.ts'
export * from './snapshot.ts'
