const percent = (share: number): string => `${Math.round(share * 100)} %`

/** Why a call is refused: completes `Cannot call "payments": …`. */
export const say = {
  pressure: (priority: string, pressure: number): string => `priority ${priority} is shed at a pressure of ${Math.round(pressure * 100) / 100}`,
  share: (priority: string, share: number): string => `only ${percent(share)} of the calls may pass, and more important ones than priority ${priority} come first`,
  table: (kind: string, share: number): string => (share === 0 ? `no calls of kind ${JSON.stringify(kind)} may pass` : `only ${percent(share)} of the calls of kind ${JSON.stringify(kind)} may pass`),
} as const
