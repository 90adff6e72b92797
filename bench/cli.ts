import { parseArgs } from 'node:util'
import type { Row } from './case.ts'
import { Problem } from './problem.ts'
import { rows } from './rows.ts'

export const usage = `npm run bench                                # everything, in some 5 minutes: writes results/node-<major>.* and the table of goals
npm run bench -- --node 20,22,24,26          # the same on these Nodes, one after the other; got from the registry where missing
npm run bench -- --quick                     # a third of the rounds, nothing written
npm run bench -- "open breaker" five         # rows whose name or group has one of these words
npm run bench -- growth facts http           # parts beside the rows
npm run bench -- --profile "open breaker"    # where the time goes, by function and by line of src
npm run bench -- --against HEAD~5 five       # two builds of spillway: the tree at hand and a revision`

const partNames = ['growth', 'facts', 'http'] as const
export type Part = (typeof partNames)[number]

export interface Options {
  readonly help: boolean
  readonly quick: boolean
  readonly profile: boolean
  readonly against: string | undefined
  /** Major versions; `undefined` is the Node that runs this. */
  readonly nodes: readonly (string | undefined)[]
  /** Names of rows. */
  readonly rows: readonly string[]
  readonly parts: readonly Part[]
  /** Nothing is left out: the results are worth keeping. */
  readonly full: boolean
}

/** What the command line asks for. @throws Problem saying what is wrong with it */
export function optionsOf(args: readonly string[]): Options {
  const { values, positionals } = parsed(args)
  const { help = false, quick = false, profile = false, against, node } = values
  const words = positionals.map((word) => word.toLowerCase())
  const parts = partNames.filter((part) => words.includes(part))
  const wanted = words.filter((word) => !partNames.some((part) => part === word))
  for (const word of wanted) if (!rows.some((row) => has(row, word))) throw new Problem(`No row or part is called "${word}". There are:\n\n${list()}`)
  if (profile && (wanted.length === 0 || parts.length > 0)) throw new Problem('--profile wants words that say which rows; of all together, or of another part, it would say little')
  if (against !== undefined && (profile || parts.length > 0)) throw new Problem('--against compares rows only: neither parts nor --profile go with it')
  const all = words.length === 0
  return {
    help, quick, profile, against,
    nodes: node === undefined ? [undefined] : node.split(',').map(majorOf),
    rows: rows.filter((row) => (all ? !(quick && row.long) : wanted.some((word) => has(row, word)))).map(({ name }) => name),
    parts: all && against === undefined ? partNames : parts,
    full: all && !quick && against === undefined,
  }
}

const has = ({ name, group }: Row, word: string): boolean => name.toLowerCase().includes(word) || group.toLowerCase().includes(word)

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args], allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h' }, quick: { type: 'boolean' }, profile: { type: 'boolean' }, node: { type: 'string' }, against: { type: 'string' } },
    })
  } catch (error) {
    throw new Problem(`${(error as Error).message.split('. ')[0]}\n\n${usage}`)
  }
}

function majorOf(said: string): string {
  const major = said.trim().replace(/^v/, '')
  if (!/^\d+$/.test(major)) throw new Problem(`--node takes major versions, such as 24 or 22,24, and not "${said}"`)
  return major
}

/** All rows and parts, as the help shows them. */
export function list(): string {
  const groups = [...new Set(rows.map(({ group }) => group))]
  return [...groups.map((group) => `${group}:\n  ${rows.filter((row) => row.group === group).map(({ name }) => name).join('\n  ')}`), `parts:\n  ${partNames.join('\n  ')}`].join('\n')
}
