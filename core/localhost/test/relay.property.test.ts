/** Relays between real sockets, compared with a connection without one. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import test from 'ava'
import fc from 'fast-check'
import type { Address } from '../../network/address.ts'
import { Relay, relayedSockets, usualTimeouts } from '../relay.ts'

/** What one end does, in order. */
type Step =
  | { readonly do: 'write'; readonly bytes: number }
  | { readonly do: 'rest' }
  | { readonly do: 'end' }
  | { readonly do: 'reset' }

const write = fc.record({ do: fc.constant('write' as const), bytes: fc.integer({ min: 1, max: 200_000 }) })
const rest = fc.constant<Step>({ do: 'rest' })

/** Ends by itself; resets now and then. */
const script = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: write }, { weight: 1, arbitrary: rest }), { maxLength: 6 }),
    fc.oneof(
      { weight: 4, arbitrary: fc.constant<Step>({ do: 'end' }) },
      { weight: 1, arbitrary: fc.constant<Step>({ do: 'reset' }) },
    ),
  )
  .map(([steps, last]) => [...steps, last])

interface Plan {
  readonly client: readonly Step[]
  readonly server: readonly Step[]
  /** Rests after each chunk that it reads. */
  readonly slow: 'client' | 'server' | 'none'
}

const plan: fc.Arbitrary<Plan> = fc.record({
  client: script,
  server: script,
  slow: fc.constantFrom('client', 'server', 'none'),
})

/** The byte at a place of what one end says. */
function byteAt(place: number, seed: number): number {
  return (place * 31 + (place >> 8) + seed) & 255
}

/** An end of a connection, which plays its script and checks what it hears. */
class End {
  readonly #socket: Socket
  readonly #seed: number
  sent = 0
  heard = 0
  /** Whether what it heard is what was said, in order. */
  isExact = true
  hasHeardEnd = false
  isReset = false
  readonly closed: Promise<unknown>

  constructor(socket: Socket, seed: number, slow: boolean, otherSeed: number) {
    this.#socket = socket
    this.#seed = seed
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {
      this.isReset = true
    })
    socket.on('end', () => {
      this.hasHeardEnd = true
    })
    socket.on('data', (chunk: Buffer) => {
      for (const byte of chunk) {
        if (byte !== byteAt(this.heard, otherSeed)) this.isExact = false
        this.heard++
      }
      if (!slow) return
      socket.pause()
      setImmediate(() => socket.resume())
    })
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (this.#socket.destroyed) return
      if (step.do === 'rest') await new Promise((resolve) => setImmediate(resolve))
      else if (step.do === 'end') this.#socket.end()
      else if (step.do === 'reset') this.#socket.resetAndDestroy()
      else await this.#write(step.bytes)
    }
  }

  /** Waits until the kernel has it, or the connection is gone. */
  async #write(bytes: number): Promise<void> {
    const chunk = Buffer.alloc(bytes)
    for (let index = 0; index < bytes; index++) chunk[index] = byteAt(this.sent + index, this.#seed)
    this.sent += bytes
    await Promise.race([
      new Promise<void>((resolve) => this.#socket.write(chunk, () => resolve())),
      this.closed,
    ])
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function play({ client: clientSteps, server: serverSteps, slow }: Plan): Promise<string | undefined> {
  const accepted = Promise.withResolvers<Socket>()
  const endpoint = createServer({ allowHalfOpen: true }, (socket) => accepted.resolve(socket))
  const endpointPort = await listen(endpoint)
  const relayEnded = Promise.withResolvers<void>()
  const relays = createServer(relayedSockets, (client) => {
    new Relay({
      client,
      endpoint: { address: '127.0.0.1' as Address, port: endpointPort },
      timeouts: usualTimeouts,
      // An endpoint that resets at once may do so before the relay knows that it is connected.
      onUnreachable: () => {},
      onEnd: () => relayEnded.resolve(),
    })
  })
  const port = await listen(relays)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const client = new End(socket, 1, slow === 'client', 2)
  const server = new End(await accepted.promise, 2, slow === 'server', 1)
  await Promise.all([client.play(clientSteps), server.play(serverSteps)])
  await Promise.all([client.closed, server.closed, relayEnded.promise])
  endpoint.close()
  relays.close()
  await Promise.all([once(endpoint, 'close'), once(relays, 'close')])
  if (!client.isExact || !server.isExact) return 'an end heard what was not said'
  const resets = [clientSteps, serverSteps].some((steps) => steps.at(-1)?.do === 'reset')
  for (const [hearer, speaker] of [
    [client, server],
    [server, client],
  ] as const) {
    if (hearer.heard > speaker.sent) return 'an end heard more than was said'
    if (resets) continue
    if (hearer.heard !== speaker.sent) return `${hearer.heard} bytes of ${speaker.sent} came`
    if (!hearer.hasHeardEnd || hearer.isReset) return 'an end that was said was not heard'
  }
  // A direction that has ended in front of a reset has said all that it had to say.
  const [clientEnds, serverEnds] = [clientSteps, serverSteps].map((steps) => steps.at(-1)?.do === 'end')
  if (server.hasHeardEnd && (!clientEnds || server.heard !== client.sent))
    return 'the server heard a false end'
  if (client.hasHeardEnd && (!serverEnds || client.heard !== server.sent))
    return 'the client heard a false end'
  return undefined
}

test('every byte and each end goes through, a reset never passes for an end, and nothing is left open', async (t) => {
  t.timeout(600_000)
  await fc.assert(
    fc.asyncProperty(plan, async (one) => {
      const wrong = await play(one)
      if (wrong !== undefined) throw new Error(wrong)
    }),
    { numRuns: Number(process.env.PORTOLAN_SEQUENCES ?? 60) },
  )
  t.pass()
})
