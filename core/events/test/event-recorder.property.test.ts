import test from 'ava'
import fc from 'fast-check'
import type { ApiQuestion, ApiReply } from '../../source/cluster-source.ts'
import { VirtualClock } from '../../time/test/virtual-clock.ts'
import { EventRecorder } from '../event-recorder.ts'
import { proxyHealthCheckFailed } from '../proxy-events.ts'

// Whatever happens, and whatever the API server answers: what it has been told is true, once, and at a bounded rate.

type Step =
  | { readonly does: 'record'; readonly node: number }
  | { readonly does: 'wait'; readonly seconds: number }
  /** What it answers from now on; 0: nothing. */
  | { readonly does: 'answer'; readonly status: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('record'), node: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('wait'), seconds: fc.nat(90) }) },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('answer'), status: fc.constantFrom(0, 200, 429, 503) }),
  },
) as fc.Arbitrary<Step>

interface Told {
  readonly regarding: { readonly name: string }
  readonly metadata: { readonly name: string }
  readonly series?: { readonly count: number }
}

/** An API server that keeps Events as they are created and patched, and finds two requests at once. */
class Server {
  readonly events = new Map<string, { about: string; count: number }>()
  readonly asked: number[] = []
  readonly faults: string[] = []
  status = 200
  #busy = false
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  async ask({ method, path, body }: ApiQuestion): Promise<ApiReply> {
    if (this.#busy) this.faults.push('two requests at once')
    this.#busy = true
    this.asked.push(this.#clock.now())
    await new Promise<void>((resolve) => this.#clock.after(2000, resolve))
    this.#busy = false
    if (this.status === 0) throw new Error('away')
    const reply = (status: number) => ({ status, body: {}, message: '', retryAfterMs: undefined })
    if (this.status !== 200) return reply(this.status)
    const said = JSON.parse(body?.text ?? '{}') as Told
    if (method === 'POST') {
      if (this.events.has(said.metadata.name)) return reply(409)
      this.events.set(said.metadata.name, { about: said.regarding.name, count: 1 })
      return reply(201)
    }
    const event = this.events.get(path.split('/').at(-1) ?? '')
    if (event === undefined) return reply(404)
    const { count = 0 } = said.series ?? {}
    if (count <= event.count) this.faults.push(`count ${event.count} became ${count}`)
    event.count = count
    return reply(200)
  }
}

test('what the API server has been told is what happened, and at a bounded rate', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = new VirtualClock()
      const server = new Server(clock)
      const silent = (): void => {}
      const logger = { debug: silent, info: silent, warn: silent, error: silent }
      const date = () => clock.now()
      const recorder = new EventRecorder({ nodeName: 'here', logger, clock, date, random: () => 0.5 })
      recorder.start(server)
      const happened = new Map<string, number>()
      for (const step of steps) {
        if (step.does === 'wait') await clock.pass(step.seconds * 1000)
        else if (step.does === 'answer') server.status = step.status
        else {
          const name = `node-${step.node}`
          happened.set(name, (happened.get(name) ?? 0) + 1)
          recorder.record(proxyHealthCheckFailed(name, 'in use'))
        }
      }
      server.status = 200
      await clock.pass(1_200_000)
      recorder.stop()

      const told = new Map<string, number>()
      for (const { about, count } of server.events.values()) told.set(about, (told.get(about) ?? 0) + count)
      // Attempts end after some minutes, so some of what happened may be untold; nothing is told that didn't happen.
      for (const [name, count] of told) t.true(count <= (happened.get(name) ?? 0), `${name}: ${count}`)
      const wasAway = steps.some(({ does }) => does === 'answer')
      if (!wasAway) t.deepEqual(Object.fromEntries(told), Object.fromEntries(happened))
      t.deepEqual(server.faults, [])
      for (const [index, at] of server.asked.entries()) {
        const within = server.asked.slice(index).filter((other) => other - at < 60_000)
        t.true(within.length <= 20 + 6 + 1, `${within.length} requests in a minute`)
      }
    }),
    { numRuns: 300 },
  )
})
