import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { exampleEndpoint, exampleSlice } from '../../../table/builder/test/example-records.ts'
import type { Clock } from '../../../time/clock.ts'
import type { ClusterSink } from '../../cluster-source.ts'
import { recordObject } from '../record-object.ts'
import { recordingSource } from '../recording-source.ts'

const slice = recordObject(
  exampleSlice([exampleEndpoint('10.1.0.1')], { key: 'shop/web-1', serviceKey: 'shop/web' }),
)
const header = { portolan: 'recording', version: 1, names: 'plain', date: '2026-01-31' }
const event = (at: number) => ({ at, edit: 'shop/web-1', from: 0, drop: 0, put: [] })

async function recording(t: ExecutionContext, ...lines: readonly object[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pl-recording-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'cluster.rec')
  const text = [header, { set: slice }, { complete: true }, ...lines].map(
    (line) => `${JSON.stringify(line)}\n`,
  )
  await writeFile(path, gzipSync(text.join('')))
  return path
}

/** A clock that jumps to whatever is waited for. */
class JumpingClock implements Clock {
  #now = 1000
  now(): number {
    return this.#now
  }
  after(delayMs: number, task: () => void): () => void {
    let off = false
    setImmediate(() => {
      if (off) return
      this.#now += delayMs
      task()
    })
    return () => {
      off = true
    }
  }
}

function observed() {
  const log: string[] = []
  const said = Promise.withResolvers<void>()
  const sink: ClusterSink = {
    set: ({ key }, receivedAt) => log.push(`${receivedAt} set ${key}`),
    remove: (_kind, key, receivedAt) => log.push(`${receivedAt} remove ${key}`),
    synced: (kind) => log.push(`synced ${kind}`),
    problem: ({ field }) => log.push(`problem ${field}`),
  }
  const tell = (_fields: object, message: string): void => {
    log.push(message)
    said.resolve()
  }
  return { log, sink, said: said.promise, logger: { info: tell, warn: tell, error: tell } }
}

const synced = ['synced Service', 'synced EndpointSlice', 'synced Node', 'synced ServiceCIDR']

for (const [speed, times] of [
  [1, [1500, 3000]],
  [10, [1050, 1200]],
  [0.5, [2000, 5000]],
] as const) {
  test(`at speed ${speed} each event comes when it is due`, async (t) => {
    const { log, sink, said, logger } = observed()
    const path = await recording(
      t,
      event(0.5),
      event(2),
      { at: 4, remove: 'EndpointSlice', key: 'shop/web-1' },
      { at: 4, end: true },
    )
    const source = recordingSource({ path, speed, logger, clock: new JumpingClock() })
    await source.start(sink)
    t.deepEqual(log, ['1000 set shop/web-1', ...synced])
    await said
    await source.stop()
    t.deepEqual(log.slice(5, 8), [
      ...times.map((time) => `${time} set shop/web-1`),
      `${1000 + 4000 / speed} remove shop/web-1`,
    ])
    t.regex(log.at(-1)!, /has been played; its last state stays/)
  })
}

test('a recording that is cut off is played up to there, with a warning', async (t) => {
  const { log, sink, said, logger } = observed()
  const path = await recording(t, event(1))
  const source = recordingSource({ path, logger, clock: new JumpingClock() })
  await source.start(sink)
  await said
  await source.stop()
  t.regex(log.find((line) => line.includes('cut off'))!, /is read up to 1 s only/)
})

test('what no recorder writes ends the playing with an error, and the state stays', async (t) => {
  const { log, sink, said, logger } = observed()
  const path = await recording(t, event(2), event(1))
  const source = recordingSource({ path, logger, clock: new JumpingClock() })
  await source.start(sink)
  await said
  await source.stop()
  t.regex(log.at(-1)!, /line 5 must be "at" a time .*; what was played so far stays/)
})

test('a stop in a long pause is at once', async (t) => {
  const { log, sink, logger } = observed()
  const path = await recording(t, event(86_400))
  const source = recordingSource({ path, logger })
  await source.start(sink)
  await source.stop()
  t.is(log.length, 5)
})

test('a file that is no recording is told at the start', async (t) => {
  const { sink, logger } = observed()
  const path = await recording(t)
  await writeFile(path, gzipSync('{}\n'))
  await t.throwsAsync(recordingSource({ path, logger }).start(sink), { code: 'RECORDING_UNREADABLE' })
})
