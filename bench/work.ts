import type { Row, Work } from './case.ts'

export const ANSWER = 'answer'
const down = new Error('down')

const answers = (): Work => async () => ANSWER
const fails = (): Work => () => Promise.reject(down)

function failsTwice(): Work {
  let left = 2
  return () => (left-- > 0 ? Promise.reject(down) : Promise.resolve(ANSWER))
}

/** The function that a row protects. A new closure each time: an application has many, and a pipeline that sees one only is inlined into it. */
export function workOf({ work = 'answers' }: Row): () => Work {
  return { answers, fails, 'fails twice': failsTwice }[work]
}
