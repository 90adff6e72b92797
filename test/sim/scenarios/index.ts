import type { Scenario } from '../scenario.ts'
import { amplifications } from './amplification.ts'
import { blackHole } from './black-hole.ts'
import { brownouts } from './brownout.ts'
import { constantFaults } from './constant-fault.ts'
import { hedgingTail } from './hedging-tail.ts'
import { metastable } from './metastable.ts'
import { outages } from './outage.ts'
import { parking } from './parking.ts'
import { queue } from './queue.ts'
import { coldRestart } from './restart.ts'
import { retryStorm } from './retry-storm.ts'
import { mixedSpike, scaleOut, slowDependency } from './spike.ts'

export const scenarios: readonly Scenario[] = [
  retryStorm,
  metastable,
  slowDependency,
  ...brownouts,
  mixedSpike,
  scaleOut,
  ...outages,
  coldRestart,
  ...constantFaults,
  parking,
  queue,
  blackHole,
  hedgingTail,
  ...amplifications,
]
