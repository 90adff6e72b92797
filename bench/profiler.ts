import { type Profiler, Session } from 'node:inspector/promises'

const EVERY_US = 200

/** Where the time goes while `busy` runs. */
export async function profile(busy: () => Promise<void>): Promise<Profiler.Profile> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: EVERY_US })
  await session.post('Profiler.start')
  await busy()
  return (await session.post('Profiler.stop')).profile
}
