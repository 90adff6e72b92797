// Loads the built package as its users do, on any Node: node test/package/smoke.js (after npm run build).
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { name, exports } = require('../../package.json')

for (const subPath of Object.keys(exports).filter((path) => !path.endsWith('.json'))) {
  const specifier = name + subPath.slice(1)
  const imported = await import(specifier)
  const required = require(specifier)
  assert.deepEqual(Object.keys(required), Object.keys(imported), specifier)
  for (const key of Object.keys(imported)) assert.equal(required[key], imported[key], `${specifier} has two copies of ${key}`)
}
