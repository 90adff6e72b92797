/** A factor by which a share must have changed to be worth telling; what is below a hundredth is no smaller. */
const STEP = 1.5
const LEAST = 0.01

/** Whether a change of the share is told: when it leaves 1 for 0.95 or less, is 1 again, or has changed by half. */
export function announcement(told: number, share: number): boolean {
  if (told === share) return false
  if (share === 1) return true
  if (told === 1) return share <= 0.95
  const ratio = Math.max(LEAST, share) / Math.max(LEAST, told)
  return ratio >= STEP || ratio <= 1 / STEP
}
