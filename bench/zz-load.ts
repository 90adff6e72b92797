import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resilientFetch, standard } from 'spillway/fetch'
const which = process.argv[2]!, path = process.argv[3] ?? '/small', n = Number(process.argv[4] ?? 20000)
const server = spawn(process.execPath, ['--import', './test/support/ts.js', './bench/fetch.ts', 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] })
const [port] = (await once(server.stdout!, 'data')) as [Buffer]
const url = `http://127.0.0.1:${String(port).trim()}${path}`
const f: any = which === 'bare' ? (u: string) => fetch(u) : which === 'sig' ? (u: string) => fetch(u, { signal: new AbortController().signal }) : resilientFetch('b', which === 'none' ? [] : standard())
let left = n
const c = process.cpuUsage()
await Promise.all(Array.from({ length: 50 }, async () => { while (left-- > 0) { const r = await f(url); await (path === '/small' ? r.json() : r.text()) } }))
const d = process.cpuUsage(c)
console.log(which, ((d.user + d.system) / n).toFixed(1), 'us cpu per call')
server.kill()
