import type { Priority } from 'spillway'

export const priorities: readonly Priority[] = ['critical', 'high', 'normal', 'low']

/** The mix of the priority scenarios: 10 % critical to 40 % low. */
export const mix: Readonly<Record<Priority, number>> = { critical: 10, high: 20, normal: 30, low: 40 }
