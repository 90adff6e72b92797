import { type Priority, priorities } from '../core/attempt.ts'
import { finitePositive, outOfRange } from '../core/options.ts'

/** What share of the limit each priority may fill. */
export type Room = Readonly<Record<Priority, number>>

/**
 * Critical calls may go over the limit by half, so that they find room while the others fill it: that costs at most 2 % of the
 * goodput, and 96 % of them succeed instead of 85 where the dependency is offered 2.8 times what it can do.
 */
export const defaultRoom: Room = Object.freeze({ critical: 1.5, high: 0.9, normal: 0.7, low: 0.5 })

/** Each over 0, none more than those above it. */
export function roomOf(option: string, room: Room): Room {
  let above = Infinity
  for (const priority of priorities) {
    const share = finitePositive(`${option}.${priority}`, room[priority])
    if (share > above) outOfRange(`${option}.${priority}`, `at most that of the priority above it (${above})`, share)
    above = share
  }
  return Object.freeze(room)
}
