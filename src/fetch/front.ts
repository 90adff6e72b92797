import { ignored } from '../core/hooks.ts'
import type { Classify } from '../core/verdict.ts'
import type { Body } from './body.ts'
import { Branch } from './branch.ts'
import { type Consumer, consumers } from './consume.ts'
import { Stamp } from './stamp.ts'
import { through } from './through.ts'

/** Whose response or body stream nobody has any more. */
const dropped = new FinalizationRegistry<Branch>((branch) => branch.cancel().catch(ignored))

type Reads = Record<Consumer, () => Promise<unknown>>

/** What the user sees of a watched response: the response itself, whose body is read through its {@link Branch}. */
export class Front {
  /** What the user got as `response.body`. */
  #stream: ReadableStream<Uint8Array> | undefined = undefined
  /** Whether it was read from, or cancelled, by way of here. */
  used = false
  readonly branch: Branch
  #noticed = false
  /** What the classifier has said of the head, for the pipeline that is about to ask it. */
  foretold: ReturnType<Classify> | undefined = undefined

  constructor(
    readonly response: Response,
    body: Body,
    /** The response's own: what it would do if it were not watched. */
    readonly proto: Response,
  ) {
    this.branch = new Branch(body, response.body as ReadableStream<Uint8Array>)
    if (body.hasCaller) this.#noticeDrop()
  }

  #own<K extends 'body' | 'bodyUsed'>(key: K): Response[K] {
    return Reflect.get(this.proto, key, this.response) as Response[K]
  }

  get body(): Response['body'] {
    // What a method has read, or whoever else, is shown as it is.
    if (this.#stream === undefined && (this.used || this.branch.stream.locked)) return this.#own('body')
    if (this.#stream === undefined) {
      this.#stream = through(this) as ReadableStream<Uint8Array>
      this.#noticeDrop()
    }
    return this.#stream
  }

  /** What lives longer than the response would keep its body: a signal of the caller, a stream read in part. */
  #noticeDrop(): void {
    if (this.#noticed) return
    this.#noticed = true
    dropped.register(this, this.branch)
  }

  get bodyUsed(): boolean {
    // One that was broken off, unread, is not used: who reads it learns why.
    return this.used || (this.branch.body.broken === undefined && this.#own('bodyUsed'))
  }

  consume(what: Consumer): Promise<unknown> {
    const { response } = this
    if (this.used || !this.#take()) return (this.proto as unknown as Reads)[what].call(response)
    this.used = true
    // The stream that the user got before is locked from now on, as fetch's own would be.
    this.#stream?.getReader()
    return this.branch.all(consumers[what], response)
  }

  /** Takes fetch's own stream, also from its own methods where the user's is locked: they say why. To ask first whether it is locked or used took Node 20 2 µs. */
  #take(): boolean {
    const free = this.#stream?.locked !== true
    try {
      this.branch.lock()
    } catch {
      return false
    }
    return free
  }

  /** One lock means the other, so that fetch's own methods refuse as they should. */
  #locked(): boolean {
    if (this.#stream?.locked === true) this.branch.lock()
    return this.branch.stream.locked
  }

  clone(): Response {
    const { response, proto, branch } = this
    this.#locked()
    const copy = proto.clone.call(response)
    branch.stream = this.#own('body') as ReadableStream<Uint8Array>
    this.#stream?.getReader()
    this.#stream = undefined
    show(copy, branch.body)
    return copy
  }

  /** Nobody will read it. One that somebody reads is left alone. */
  discard(): void {
    if (this.bodyUsed || this.#locked()) return
    this.used = true
    this.branch.cancel().catch(ignored)
  }
}

const faces = new WeakMap<object, object>()
/** The class that came last: most often there is no other. */
let known: { readonly proto: object; readonly face: object } | undefined

/** For each class of responses (another fetch has its own) a prototype that asks the {@link Front} first. */
function faceOf(proto: object): object {
  if (known?.proto !== proto) known = { proto, face: faces.get(proto) ?? makeFace(proto) }
  return known.face
}

function makeFace(proto: object): object {
  const face = Object.create(proto) as object
  const define = (key: string, descriptor: PropertyDescriptor): unknown => Object.defineProperty(face, key, { configurable: true, enumerable: true, ...descriptor })
  const get = (key: 'body' | 'bodyUsed'): unknown => define(key, { get: function (this: object) { return frontOf(this)?.[key] } })
  const method = (key: string, value: unknown): unknown => define(key, { value, writable: true })
  get('body')
  get('bodyUsed')
  method('clone', function clone(this: object) { return frontOf(this)!.clone() })
  for (const key of Object.keys(consumers) as Consumer[]) {
    // Node 20 has no `bytes` in some releases: nor has its response then.
    if (key in proto) method(key, { [key](this: object) { return frontOf(this)!.consume(key) } }[key])
  }
  faces.set(proto, face)
  return face
}

/** Makes a response one whose body is watched. It stays the object that it is. */
export function show(response: Response, body: Body): Front {
  const proto = Object.getPrototypeOf(response) as Response
  const front = new Front(response, body, proto)
  Stamp.write(response, front)
  Object.setPrototypeOf(response, faceOf(proto))
  return front
}

export function frontOf(response: unknown): Front | undefined {
  return Stamp.read(response) as Front | undefined
}
