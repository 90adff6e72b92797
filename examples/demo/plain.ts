import { pulse } from './pulse.ts'
import { phaseName } from './script.ts'
import type { Side } from './side.ts'
import type { View } from './view.ts'

/** For logs and pipes: a line per second and side. */
export function plainView(sides: readonly Side[]): View {
  return {
    everyMs: 1_000,
    draw(nowMs) {
      const time = `${Math.round(nowMs / 1_000)} s`.padStart(4)
      // The second that is over.
      const phase = phaseName(nowMs - 500).padEnd(11)
      for (const side of sides) {
        const { breaker, calls, ok, p99, inFlight, requests } = pulse(side, nowMs)
        console.log(
          `${time} ${phase}${side.name.padEnd(11)}${calls.padStart(5)}${ok.padStart(9)}  p99${p99.padStart(8)}  in flight${inFlight.padStart(4)}  reach it${requests.padStart(7)}  ${breaker === 'none' ? '' : breaker}`.trimEnd(),
        )
      }
    },
    end() {},
  }
}
