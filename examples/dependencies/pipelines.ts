// One module that says how each dependency is called. The rest of the service imports from here.
// #region module
import { breaker, bulkhead, fallback, pipeline, retry, retryBudget, timeout } from 'spillway'
import { resilientFetch, standard } from 'spillway/fetch'

/** What fails together shares a budget: retries of both add at most a tenth to the load. */
const budget = retryBudget({ ratio: 0.1 })

/** Behind the checkout: fail fast, try twice, protect the orders of others. */
export const payments = pipeline('payments', [
  timeout(3_000),
  retry({ maxAttempts: 2, budget }),
  breaker({ failureRatio: 0.3 }),
  bulkhead({ slots: 40 }),
  timeout(1_000),
])

/** Nice to have: an empty answer is better than a late one. */
export const recommendations = pipeline('recommendations', [
  fallback(() => [] as string[]),
  breaker(),
  bulkhead({ slots: 10 }),
  timeout(150),
])

/** Plain HTTP: fetch's own type, `standard` policies. */
export const inventory = resilientFetch('inventory', standard({ attemptMs: 500 }))

/** At the end of the service, before the process exits. */
export const closeAll = () => Promise.all([payments, recommendations, inventory.pipeline].map((one) => one.close({ graceMs: 5_000 })))
// #endregion module
