// One pipeline per dependency, configured in one module (examples/dependencies/pipelines.ts) and used elsewhere.
import { closeAll, payments, recommendations } from './dependencies/pipelines.ts'

const bank = { pay: async (cents: number, options: { signal: AbortSignal }) => (options.signal.aborted ? 'gave up' : `paid ${cents}`) }
const engine = {
  async similar(_id: string): Promise<string[]> {
    throw new Error('model not loaded')
  },
}

// #region use
const receipt = await payments.run(({ signal }) => bank.pay(999, { signal }), { priority: 'critical', idempotent: false })
const alike = await recommendations.run(() => engine.similar('SPLL')) // string[]
// #endregion use
console.log(receipt, alike)

await closeAll()

// prints: paid 999 []
