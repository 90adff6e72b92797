import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { root } from './package.ts'
import { freePort, type RealServer, started } from './servers.ts'

function folder(name: string): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `spillway-${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export interface Prometheus extends RealServer {
  /** What a query answers now: a number per series. */
  query(expression: string): Promise<{ readonly metric: Record<string, string>; readonly value: number }[]>
}

/** Scrapes `targets` (ports of this machine) under `/metrics`, five times a second. */
export async function startPrometheus(file: string, targets: readonly number[]): Promise<Prometheus> {
  const { path, remove } = folder('prometheus')
  const port = await freePort()
  const config = { global: { scrape_interval: '200ms', scrape_timeout: '200ms' }, scrape_configs: [{ job_name: 'spillway', static_configs: [{ targets: targets.map((target) => `127.0.0.1:${target}`) }] }] }
  writeFileSync(join(path, 'prometheus.yml'), JSON.stringify(config))
  const args = [`--config.file=${path}/prometheus.yml`, `--storage.tsdb.path=${path}/data`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=info']
  const server = await started(spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] }), port, remove, /ready to receive web requests/i)
  return {
    ...server,
    async query(expression) {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`)
      const { data, error } = (await response.json()) as { data?: { result: { metric: Record<string, string>; value: [number, string] }[] }; error?: string }
      if (data === undefined) throw new Error(`${expression}: ${error}`)
      return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    },
  }
}

export interface StatsdServer extends RealServer {
  /** What its console answers to a command such as `counters`: a number or numbers per name. */
  console(command: 'counters' | 'gauges' | 'timers'): Promise<Record<string, number | number[]>>
}

/** StatsD's own daemon. It keeps what it counted: its flush comes after the test. */
export async function startStatsd(): Promise<StatsdServer> {
  const { path, remove } = folder('statsd')
  const [port, console] = [await freePort(), await freePort()]
  const settings = { port, address: '127.0.0.1', mgmt_port: console, mgmt_address: '127.0.0.1', flushInterval: 600_000, backends: ['./backends/console'], debug: true }
  writeFileSync(join(path, 'config.js'), JSON.stringify(settings))
  const server = await started(spawn(process.execPath, [resolve(root, 'node_modules/statsd/stats.js'), join(path, 'config.js')], { stdio: ['ignore', 'pipe', 'pipe'] }), port, remove, /server is up/i)
  return {
    ...server,
    async console(command) {
      const text = await new Promise<string>((done, failed) => {
        let said = ''
        const socket = connect(console, '127.0.0.1', () => socket.write(`${command}\n`))
        socket.on('error', failed).on('data', (data) => {
          said += data.toString()
          if (!said.includes('END')) return
          socket.destroy()
          done(said)
        })
      })
      // It prints a JavaScript object, as util.inspect does.
      const pairs = [...text.matchAll(/'?([\w.-]+)'?: (\[[^\]]*\]|-?[\d.e-]+)/g)]
      return Object.fromEntries(pairs.map(([, name, value]) => [name, JSON.parse(value!.replace(/\s/g, '')) as number | number[]]))
    },
  }
}

export interface Graphite extends RealServer {
  /** The points of a series, by graphite-web's renderer. */
  points(target: string): Promise<number[]>
  /** A picture of it. */
  png(target: string): Promise<Buffer>
}

const retention = '[default]\npattern = .*\nretentions = 1s:10m\n'
const serve = (port: number): string =>
  `import sys\nfrom wsgiref.simple_server import make_server\nfrom graphite.wsgi import application\nserver = make_server('127.0.0.1', ${port}, application)\nprint('ready to render', flush=True)\nserver.serve_forever()\n`

/** carbon, which stores one point a second, and graphite-web in front of it. */
export async function startGraphite(): Promise<Graphite> {
  const { path, remove } = folder('graphite')
  const [port, pickle, cache, web] = [await freePort(), await freePort(), await freePort(), await freePort()]
  mkdirSync(join(path, 'whisper'))
  const carbon = {
    STORAGE_DIR: path, LOCAL_DATA_DIR: `${path}/whisper`, CONF_DIR: path, LOG_DIR: path, PID_DIR: path, USER: '', MAX_UPDATES_PER_SECOND: 'inf', MAX_CREATES_PER_MINUTE: 'inf', ENABLE_LOGROTATION: 'False',
    LINE_RECEIVER_INTERFACE: '127.0.0.1', LINE_RECEIVER_PORT: port, PICKLE_RECEIVER_INTERFACE: '127.0.0.1', PICKLE_RECEIVER_PORT: pickle, CACHE_QUERY_INTERFACE: '127.0.0.1', CACHE_QUERY_PORT: cache,
  }
  writeFileSync(join(path, 'carbon.conf'), `[cache]\n${Object.entries(carbon).map(([name, value]) => `${name} = ${value}\n`).join('')}`)
  writeFileSync(join(path, 'storage-schemas.conf'), retention)
  const settings = { SECRET_KEY: 'test', STORAGE_DIR: path, CONF_DIR: path, WHISPER_DIR: `${path}/whisper`, STANDARD_DIRS: [`${path}/whisper`], LOG_DIR: path, INDEX_FILE: `${path}/index`, CARBONLINK_HOSTS: [`127.0.0.1:${cache}`], ALLOWED_HOSTS: ['*'] }
  writeFileSync(join(path, 'spillway_test_settings.py'), `${Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`).join('')}DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '${path}/graphite.db'}}\n`)
  writeFileSync(join(path, 'web.py'), serve(web))
  const python = { cwd: path, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'], env: { ...process.env, PYTHONPATH: path, GRAPHITE_SETTINGS_MODULE: 'spillway_test_settings', PYTHONUNBUFFERED: '1' } }
  const store = await started(spawn('/usr/bin/python3', ['/usr/bin/carbon-cache', `--config=${path}/carbon.conf`, `--pidfile=${path}/carbon.pid`, '--nodaemon', 'start'], python), port, () => {}, /CarbonReceiverFactory starting/i)
  const renderer = await started(spawn('/usr/bin/python3', ['web.py'], python), web, remove, /ready to render/)
  const render = (target: string, format: string): Promise<Response> => fetch(`http://127.0.0.1:${web}/render?target=${encodeURIComponent(target)}&from=-60s&format=${format}`)
  return {
    port,
    process: store.process,
    async points(target) {
      const [series] = (await (await render(target, 'json')).json()) as { datapoints: [number | null, number][] }[]
      return (series?.datapoints ?? []).map(([value]) => value).filter((value) => value !== null)
    },
    async png(target) {
      return Buffer.from(await (await render(target, 'png')).arrayBuffer())
    },
    async stop() {
      await store.stop()
      await renderer.stop()
    },
  }
}
