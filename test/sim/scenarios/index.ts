import type { Scenario } from '../scenario.ts'
import { retryStorm } from './retry-storm.ts'

export const scenarios: readonly Scenario[] = [retryStorm]
