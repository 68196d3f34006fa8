/** Sockets and servers that keep a record of what they see. */
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import fc from 'fast-check'
import { createLab, podAddress } from '../index.ts'
import { encodeMessage, MessageReader, readDatagram } from '../recorded-message.ts'

const port = 8080
const to = { address: podAddress('IPv4', 0), port }
const message = { tag: 'one', bytes: 3000, awaits: true } as const

test('messages are read whole, however the stream is cut', (t) => {
  const messages = fc.array(fc.record({ tag: fc.string(), bytes: fc.nat({ max: 300 }) }), { maxLength: 5 })
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 50 }), (sent, size) => {
      const stream = Buffer.concat(sent.map(encodeMessage))
      const reader = new MessageReader()
      const read = []
      for (let at = 0; at < stream.length; at += size)
        read.push(...reader.read(stream.subarray(at, at + size)))
      t.deepEqual(
        read,
        sent.map((one) => ({ ...one, intact: true })),
      )
    }),
  )
  const damaged = encodeMessage({ tag: 'a', bytes: 5 })
  damaged[damaged.length - 1] = 0
  t.is(readDatagram(damaged)?.intact, false)
  t.is(readDatagram(Buffer.from('nobody')), undefined)
})

for (const protocol of ['TCP', 'UDP'] as const) {
  test(`${protocol}: client and server tell the same of one message`, async (t) => {
    await using lab = await createLab()
    const [pod, outside] = [lab.pods[0]!, lab.outside]
    await pod.serveRecorded(protocol, to.address, port)
    const socket = await outside.openSocket({ protocol, port: 4000, to })
    if (typeof socket === 'string') return t.fail(socket)
    t.is(socket.synsSentAgain, 0)
    const from = { address: outside.addresses.IPv4[0]!, port: 4000 }
    const by = { host: 'pod0', at: to, saw: from }
    t.deepEqual(await socket.say(message), [
      { what: 'message', tag: 'one', from: to, bytes: 3000, intact: true, by },
    ])
    t.deepEqual(await socket.end('finish'), [])
    const seen = { host: 'pod0', protocol, at: to, from, tag: 'one' }
    if (protocol === 'TCP') t.true(await pod.endOf('one'))
    const end = protocol === 'TCP' ? [{ ...seen, ended: 'finished' as const }] : []
    t.deepEqual(await pod.takeOverheard(), [{ ...seen, bytes: 3000, intact: true }, ...end])
    t.deepEqual(await pod.takeOverheard(), [])
  })
}

test('servers outlive a datagram from port 0, to which there is no answer', async (t) => {
  await using lab = await createLab()
  const [pod, outside] = [lab.pods[0]!, lab.outside]
  await pod.serveRecorded('UDP', to.address, port)
  const echo = { address: to.address, port: 8081 }
  await pod.serve('UDP', echo.address, echo.port)
  const rules = [
    'table ip none {',
    'chain out {',
    'type filter hook output priority 0',
    'udp sport set 0',
    '}',
    '}',
  ]
  await outside.exec('nft', ['-f', '-'], { input: rules.join('\n') })
  const socket = await outside.openSocket({ protocol: 'UDP', port: 4000, to })
  if (typeof socket === 'string') return t.fail(socket)
  await socket.say({ ...message, awaits: false })
  await outside.probe({ protocol: 'UDP', to: echo, timeoutMs: 50 })
  await outside.exec('nft', ['delete', 'table', 'ip', 'none'])
  const answer = await socket.say({ ...message, tag: 'two' })
  t.like(answer[0], { what: 'message', tag: 'two' })
  t.is((await outside.probe({ protocol: 'UDP', to: echo })).result, 'answered')
  const seen = (await pod.takeOverheard()).map(({ from, tag }) => [from.port, tag])
  t.deepEqual(seen, [
    [0, 'one'],
    [4000, 'two'],
  ])
})

test('refusals, silence and ends are heard as such', async (t) => {
  await using lab = await createLab()
  const [pod, outside] = [lab.pods[0]!, lab.outside]
  t.is(await outside.openSocket({ protocol: 'TCP', port: 0, to }), 'ECONNREFUSED')
  const datagrams = await outside.openSocket({ protocol: 'UDP', port: 0, to })
  if (typeof datagrams === 'string') return t.fail(datagrams)
  t.deepEqual(await datagrams.say(message), [{ what: 'error', code: 'ECONNREFUSED' }])

  await pod.serveRecorded('TCP', to.address, port)
  const socket = await outside.openSocket({ protocol: 'TCP', port: 0, to })
  if (typeof socket === 'string') return t.fail(socket)
  t.deepEqual(
    (await socket.say({ ...message, thenClose: true })).map(({ what }) => what),
    ['message', 'end'],
  )
  await lab.node.exec('nft', ['-f', '-'], { input: dropUdp })
  const silent = await outside.openSocket({ protocol: 'UDP', port: 0, to })
  if (typeof silent === 'string') return t.fail(silent)
  t.deepEqual(await silent.say({ ...message, timeoutMs: 50 }), [{ what: 'silence' }])
})

test('a connection whose first SYN was lost says so', async (t) => {
  await using lab = await createLab()
  await lab.pods[0]!.serveRecorded('TCP', to.address, port)
  await lab.node.exec('nft', ['-f', '-'], { input: dropTcp })
  const opening = lab.outside.openSocket({ protocol: 'TCP', port: 0, to })
  for (;;) {
    const { stdout } = await lab.node.exec('nft', ['list', 'table', 'ip', 'losses'])
    if (/packets [1-9]/.test(String(stdout))) break
    await sleep(10)
  }
  await lab.node.exec('nft', ['delete', 'table', 'ip', 'losses'])
  const socket = await opening
  t.true(typeof socket !== 'string' && socket.synsSentAgain > 0)
})

const dropUdp = dropAll('udp')
const dropTcp = dropAll('tcp')

function dropAll(protocol: string): string {
  return `table ip losses {
    chain forward {
      type filter hook forward priority 0
      ip protocol ${protocol} counter drop
    }
  }`
}
