import express, { type Request as ExpressRequest } from 'express'
import fastify, { type FastifyRequest } from 'fastify'
import { type Context as HonoContext, Hono } from 'hono'
import { createServer, type IncomingMessage } from 'node:http'
import { describe, expectTypeOf, it } from 'vitest'
import type { Priority, Trace } from '../../src/index.ts'
import { contextHeaders, currentContext, fastifyContext, honoContext, nodeContext, withContext } from '../../src/context/index.ts'
import { type Inject, resilientFetch } from '../../src/fetch/index.ts'
import { parseTrace, traceHeaders } from '../../src/trace/index.ts'

describe('context', () => {
  it('is taken by each framework, with its own requests', () => {
    express().use(nodeContext())
    express().use(nodeContext<ExpressRequest>({ trustPriority: (request) => request.ip === '127.0.0.1', trace: parseTrace }))
    void fastify().register(fastifyContext())
    void fastify().register(fastifyContext<FastifyRequest>({ task: (request) => request.ip }))
    new Hono().use(honoContext())
    new Hono().use(honoContext<HonoContext>({ task: (c) => c.req.param('user') }))
    const enter = nodeContext<IncomingMessage>({ task: (request) => request.url })
    createServer((request, response) => enter(request, response, () => response.end()))
  })

  it('returns what is returned within', () => {
    expectTypeOf(withContext({ priority: 'high' }, async () => 7)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(currentContext()!.priority).toEqualTypeOf<Priority | undefined>()
    expectTypeOf(currentContext()!.trace).toEqualTypeOf<Trace | undefined>()
    // @ts-expect-error -- no such priority
    withContext({ priority: 'urgent' }, () => 1)
  })

  it('headers are injected', () => {
    expectTypeOf(contextHeaders()).toExtend<Inject>()
    expectTypeOf(traceHeaders({ start: () => true })).toExtend<Inject>()
    resilientFetch('a', [], { inject: [contextHeaders(), (headers, attempt) => headers.set('x-n', String(attempt.number))] })
    // @ts-expect-error -- no such format
    traceHeaders({ formats: ['zipkin'] })
  })
})
