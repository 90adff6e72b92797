// NestJS: an exception filter, for `app.useGlobalFilters(new SpillwayFilter())` or `@UseFilters(SpillwayFilter)`.
import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common'
import type { ServerResponse } from 'node:http'
import { SpillwayError } from 'spillway'
import { toResponse } from 'spillway/fetch'
import { send } from './node-http.ts'

/**
 * Refused: 503 with Retry-After. Too late: 504. In a handler `@Res({ passthrough: true }) response` is what {@link hangUp} of
 * node-http.ts wants.
 */
export class SpillwayFilter implements ExceptionFilter<SpillwayError> {
  catch(error: SpillwayError, host: ArgumentsHost): Promise<void> {
    return send(toResponse(error)!, host.switchToHttp().getResponse<ServerResponse>())
  }
}
// `@Catch(SpillwayError)` above the class, where your compiler knows decorators.
Catch(SpillwayError)(SpillwayFilter)
