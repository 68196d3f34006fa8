import { type ApiObject, ApiServer } from '@portolan/api-server'
import { RawClient } from '@portolan/real-api-server'
import test, { type ExecutionContext } from 'ava'
import { parseNode, startupTaint } from '../../cluster/parse-node.ts'
import type { EventFields } from '../../log/logger.ts'
import type { ApiReply, ApiRequests } from '../../source/cluster-source.ts'
import { systemClock } from '../../time/clock.ts'
import { StartupTaint } from '../startup-taint.ts'

const other = { key: 'example.com/gpu', effect: 'NoSchedule' }

function nodeWith(...keys: readonly string[]): ApiObject {
  const taints = keys.map((key) => ({ key, effect: 'NoExecute' }))
  return { kind: 'Node', metadata: { name: 'node-a' }, spec: { taints: [...taints, other] } }
}

interface Fixture {
  readonly server: ApiServer
  readonly taint: StartupTaint
  readonly api: ApiRequests
  readonly asked: string[]
  /** `level event` */
  readonly told: string[]
  /** In place of the server's own answers, for the next patches. */
  readonly answers: (Partial<ApiReply> | Error)[]
  see(object: ApiObject | undefined): void
  keys(): Promise<readonly string[]>
}

async function fixture(t: ExecutionContext): Promise<Fixture> {
  const server = new ApiServer({ tokens: ['secret'] })
  await server.start()
  const client = new RawClient(server.url, server.certificateAuthority, 'secret')
  const told: string[] = []
  const take = (level: string) => (fields: EventFields | object) =>
    void told.push(`${level} ${(fields as EventFields).event}`)
  const logger = { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') }
  const taint = new StartupTaint({ nodeName: 'node-a', logger, clock: systemClock, random: () => 0 })
  t.teardown(async () => {
    taint.stop()
    client.close()
    await server.stop()
  })
  const asked: string[] = []
  const answers: (Partial<ApiReply> | Error)[] = []
  const api: ApiRequests = {
    async ask({ method, path, body }) {
      asked.push(method)
      const instead = method === 'PATCH' ? answers.shift() : undefined
      if (instead instanceof Error) throw instead
      if (instead !== undefined)
        return { status: 0, body: {}, message: '', retryAfterMs: undefined, ...instead }
      const request = body === undefined ? {} : { body: JSON.parse(body.text), contentType: body.contentType }
      const answer = await client.request(method, path, request)
      return { status: answer.status, body: answer.body, message: '', retryAfterMs: undefined }
    },
  }
  return {
    ...{ server, taint, api, asked, told, answers },
    see(object) {
      if (object !== undefined) server.apply(object)
      taint.seen(object === undefined ? undefined : parseNode(object).record)
    },
    async keys() {
      const { body } = await client.get('/api/v1/nodes/node-a')
      return (body.spec.taints as readonly { readonly key: string }[]).map(({ key }) => key)
    },
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`waited in vain for ${holds}`)
}

test('the taint goes when Services work, and not before; others stay', async (t) => {
  const { taint, api, asked, told, see, keys } = await fixture(t)
  see(nodeWith(startupTaint))
  t.deepEqual(asked, [])
  taint.serves(api)
  await until(() => told.length > 0)
  t.deepEqual(await keys(), [other.key])
  t.deepEqual(told, ['info startup-taint-removed'])
  t.deepEqual(asked, ['GET', 'PATCH'])
})

test('a Node without the taint is not asked about, and one that is made again is freed again', async (t) => {
  const { taint, api, asked, told, see, keys } = await fixture(t)
  taint.serves(api)
  see(nodeWith())
  t.deepEqual(asked, [])
  see(nodeWith(startupTaint))
  await until(() => told.length === 1)
  see(undefined)
  see(nodeWith(startupTaint))
  await until(() => told.length === 2)
  t.deepEqual(await keys(), [other.key])
})

test('what is refused is told once, and tried until it is granted', async (t) => {
  const { taint, api, told, answers, see, keys } = await fixture(t)
  answers.push({ status: 403, message: 'nodes "node-a" is forbidden' }, new Error('no answer'), {
    status: 409,
  })
  see(nodeWith(startupTaint))
  taint.serves(api)
  await until(() => told.includes('info startup-taint-removed'))
  t.deepEqual(told, ['warn startup-taint-stays', 'info startup-taint-removed'])
  t.deepEqual(await keys(), [other.key])
})
