import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A server of another maker, running on a loopback port. */
export interface RealServer {
  readonly port: number
  readonly process: ChildProcess
  stop(): Promise<void>
}

const debian = '/usr/lib/postgresql'
const folders = [
  ...(process.env['PATH'] ?? '').split(delimiter),
  ...(existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)).map((version) => join(debian, version, 'bin')) : []),
]

/** Where a program is. If it is not, says so on stderr, past the reporter that keeps quiet about what was skipped. */
export function program(name: string, debianPackage: string): string | undefined {
  const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
  if (found === undefined) writeSync(2, `SKIPPED: ${name} is missing, its tests do not run (apt-get install ${debianPackage})\n`)
  return found
}

/** Redis without persistence. Scripts that run longer than 20 ms make it answer BUSY. */
export async function startRedis(file: string): Promise<RealServer> {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--busy-reply-threshold', '20', '--daemonize', 'no']
  return started(spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: tmpdir() }), port)
}

/** A fresh PostgreSQL in a temporary folder, with 8 connections in all; user `test`, database `postgres`, no password. */
export async function startPostgres(file: string, initdb: string): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-pg-'))
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const port = await freePort()
  execFileSync(initdb, ['-D', folder, '-U', 'test', '-A', 'trust', '--no-sync', '--locale=C', '-E', 'UTF8'], { ...user, cwd: folder, stdio: 'pipe' })
  const settings = { max_connections: 8, superuser_reserved_connections: 0, fsync: 'off', unix_socket_directories: '', listen_addresses: '127.0.0.1', max_wal_senders: 0 }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(file, ['-D', folder, '-p', String(port), ...args], { ...user, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  return started(server, port, () => rmSync(folder, { recursive: true, force: true }))
}

function idOf(which: '-u' | '-g'): number {
  return Number(execFileSync('id', [which, 'nobody'], { encoding: 'utf8' }))
}

/** Both say this in their logs when they really are; before, connections are refused or answered with an error. */
const accepting = /ready to accept connections/i

/** Waits until a server says that it is ready. `stop` asks it to end at once. */
export async function started(server: ChildProcess, port: number, after: () => void = () => {}, ready: RegExp = accepting): Promise<RealServer> {
  const kill = (): void => void server.kill('SIGKILL')
  const gone = new Promise<void>((resolve) => {
    server.once('exit', () => {
      process.off('exit', kill)
      after()
      resolve()
    })
  })
  process.once('exit', kill)
  await new Promise<void>((resolve, reject) => {
    let log = ''
    const read = (data: Buffer): void => {
      log += data.toString()
      if (ready.test(log)) resolve()
    }
    server.stdout?.on('data', read)
    server.stderr?.on('data', read)
    void gone.then(() => reject(new Error(`${server.spawnfile} did not start:\n${log}`)))
  })
  return {
    port,
    process: server,
    stop() {
      server.kill('SIGCONT')
      // PostgreSQL: at once, its children too. Redis has no handler for it and ends.
      server.kill('SIGQUIT')
      return gone
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
