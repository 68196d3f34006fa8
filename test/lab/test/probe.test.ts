import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import test from 'ava'
import { probe } from '../probe.ts'

const rows = [
  ['udp4', '127.0.0.1', false],
  ['udp4', '127.0.0.1', true],
  ['udp6', '::1', false],
  ['udp6', '::1', true],
] as const

for (const [type, address, named] of rows) {
  const from = named ? 'a source address that was asked for' : 'any source address'
  test.serial(`a datagram whose source port is taken leaves from the next: ${type}, ${from}`, async (t) => {
    const bound = async (port: number): Promise<Socket> => {
      const socket = createSocket({ type, ipv6Only: type === 'udp6' })
      t.teardown(() => socket.close())
      socket.bind({ port, exclusive: true, ...(port === 0 ? { address } : {}) })
      await once(socket, 'listening')
      return socket
    }
    const server = await bound(0)
    const sources: number[] = []
    server.on('message', (_, { address: host, port }) => {
      sources.push(port)
      server.send(
        JSON.stringify({ host: 'here', address, port: 1, seen: { address: host, port } }),
        port,
        host,
      )
    })

    const request = {
      protocol: 'UDP',
      to: { address, port: server.address().port },
      timeoutMs: 60_000,
      ...(named ? { from: { address } } : {}),
    } as const
    await probe(request)
    const [last = 0] = sources
    // Of the next sixty ports two thirds, but for those that another process on this machine has for a moment.
    const chosen = Array.from({ length: 60 }, (_, index) => last + 1 + index).filter((port) => port % 3 > 0)
    const tried = await Promise.allSettled(chosen.map(bound))
    const taken = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value.address().port] : []))
    const answers = await Promise.all(taken.map(() => probe(request)))
    t.deepEqual([...new Set(answers.map(({ result }) => result))], ['answered'])
    t.is(new Set(sources).size, taken.length + 1)
    t.deepEqual(
      sources.filter((port) => taken.includes(port)),
      [],
    )
  })
}
