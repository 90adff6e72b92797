import { nameDuration } from '../core/duration.ts'
import type { RateLimitSettings } from './options.ts'

/** Why an attempt is refused: completes `Cannot call "payments": …`. */
export function refusing({ permits, everyMs }: RateLimitSettings, held: boolean, retryAfterMs: number | undefined): () => string {
  return () => {
    const what = held ? 'it asked to be left alone' : `the rate limit of ${permits} per ${nameDuration(everyMs)} is reached`
    return retryAfterMs === undefined ? what : `${what}, for ${retryAfterMs} ms more`
  }
}
