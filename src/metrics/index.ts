export { recorder, type Recorder, type SnapshotOptions } from './recorder.ts'
export type { RecorderOptions } from './options.ts'
export * from './snapshot.ts'
