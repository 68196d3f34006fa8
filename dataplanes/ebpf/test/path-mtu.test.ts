import { Readable } from 'node:stream'
import type { Address, IpFamily } from '@portolan/core'
import { createLab, type Host, type Lab, network } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

/*
 * A TCP connection is made over links of 1500 bytes, so both ends expect to send that much at a time. Then one link
 * takes 1300 only (the least for IPv6 is 1280): nothing gets on but by ICMP errors that the sender takes for its own.
 */

const port = 8080
const narrow = 1300
const bytes = 300_000

/** Says hello; then swallows what comes and tells how much, or after a line "send" sends as much. */
const server = `
const [port, bytes] = process.argv.slice(1).map(Number)
require('net').createServer((socket) => {
  let got = 0
  socket.write('hello')
  socket.on('data', (data) => {
    got += data.length
    if (data.length === 4 && String(data) === 'send') socket.write(Buffer.alloc(bytes, 1))
    else if (got === bytes) socket.write('all')
  })
  socket.on('error', () => {})
}).listen(port)`

/**
 * Says "connected" when it is (the server may still be starting), waits for a line, and then tells how the transfer ends:
 * "all", unless it takes two minutes.
 */
const client = `
const [address, port, bytes, direction] = process.argv.slice(1)
let got = 0
const done = (how) => { console.log(how); process.exit() }
const begin = (socket) => {
  console.log('connected')
  process.stdin.once('data', () => {
    setTimeout(done, 120_000, 'stuck')
    socket.write(direction === 'up' ? Buffer.alloc(Number(bytes), 1) : 'send')
    socket.on('data', (data) => {
      got += data.length
      if (String(data) === 'all' || got === Number(bytes)) done('all')
    })
  })
}
const connect = () => {
  const socket = require('net').connect(Number(port), address)
  socket.once('error', () => setTimeout(connect, 100))
  socket.once('data', () => begin(socket))
}
connect()`

interface Way {
  readonly from: Host
  readonly to: Host
  readonly endpoint: string
  /** Makes the link narrow. */
  narrow(): Promise<void>
}

const ways: Readonly<Record<string, (lab: Lab, family: IpFamily) => Promise<Way>>> = {
  "the node's link to the endpoint": async (lab, family) => ({
    from: lab.outside,
    to: lab.remote,
    endpoint: network[family].remote,
    narrow: () => setMtu([lab.node, 'eth1'], [lab.remote, 'eth0']),
  }),
  "the node's link to the client": async (lab, family) => ({
    from: lab.outside,
    to: lab.remote,
    endpoint: network[family].remote,
    narrow: () => setMtu([lab.node, 'eth0'], [lab.outside, 'eth0']),
  }),
  'a link behind a router before the endpoint': async (lab, family) => ({
    from: lab.outside,
    to: lab.internet,
    endpoint: await addFarLink(lab, lab.remote, family),
    narrow: () => setMtu([lab.remote, 'far0'], [lab.internet, 'far0']),
  }),
  'a link behind a router before the client': async (lab, family) => {
    await addFarLink(lab, lab.outside, family)
    return {
      from: lab.internet,
      to: lab.remote,
      endpoint: network[family].remote,
      narrow: () => setMtu([lab.outside, 'far0'], [lab.internet, 'far0']),
    }
  },
}

for (const family of ['IPv4', 'IPv6'] as const) {
  for (const [where, lay] of Object.entries(ways)) {
    for (const direction of ['up', 'down'] as const) {
      test.serial(
        `a transfer ${direction} gets through a NodePort when ${where} becomes narrow, ${family}`,
        async (t) => {
          await using lab = await createLab()
          const way = await lay(lab, family)
          const web = route('a/b', [nodePort(30_080, true)], [endpoint(way.endpoint)])
          await using _ = await applied(lab.node, nodeTable(lab.node, family, [web]))
          const stop = new AbortController()
          const serving = way.to.exec(process.execPath, ['-e', server, '--', String(port), String(bytes)], {
            reject: false,
            cancelSignal: stop.signal,
          })
          try {
            t.is(await transfer(lab, way, family, direction), 'all')
          } finally {
            stop.abort()
            await serving
          }
        },
      )
    }
  }
}

async function transfer(lab: Lab, way: Way, family: IpFamily, direction: 'up' | 'down'): Promise<string> {
  const to = lab.node.addresses[family][0]!
  async function* input() {
    await connected
    await way.narrow()
    yield 'go\n'
  }
  let connect = () => {}
  const connected = new Promise<void>((resolve) => {
    connect = resolve
  })
  const args = ['-e', client, '--', to, '30080', String(bytes), direction]
  const told: string[] = []
  await way.from.exec(process.execPath, args, {
    input: Readable.from(input()),
    stdout: function* (line: unknown) {
      told.push(String(line))
      connect()
      yield line
    },
  })
  return told.at(-1) ?? ''
}

/**
 * Puts the host "internet" behind another host, which routes, by a link of its own.
 *
 * @returns its address there
 */
async function addFarLink({ node, internet }: Lab, router: Host, family: IpFamily): Promise<string> {
  const [far, near] = family === 'IPv4' ? ['10.77.0.2', '10.77.0.1'] : ['fd00:77::2', 'fd00:77::1']
  const bits = family === 'IPv4' ? '24' : '64'
  const via = router.addresses[family][0]!
  const forwarding = family === 'IPv4' ? 'net.ipv4.ip_forward=1' : 'net.ipv6.conf.all.forwarding=1'
  await router.exec('sysctl', ['-q', '-w', forwarding])
  const ip = (host: Host, ...args: string[]) => host.exec('ip', args)
  await ip(
    router,
    'link',
    'add',
    'far0',
    'type',
    'veth',
    'peer',
    'name',
    'far0',
    'netns',
    internet.networkNamespace,
  )
  for (const [host, address] of [
    [router, near],
    [internet, far],
  ] as const) {
    const nodad = family === 'IPv6' ? ['nodad'] : []
    await ip(host, 'address', 'add', `${address}/${bits}`, 'dev', 'far0', ...nodad)
    await ip(host, 'link', 'set', 'far0', 'up')
  }
  await ip(node, 'route', 'add', far!, 'via', via)
  for (const address of node.addresses[family].slice(0, 2) as Address[]) {
    await ip(internet, 'route', 'add', address, 'via', near!)
  }
  return far!
}

/** Of both ends of a link: a packet that is too large for the receiving end is dropped in silence. */
async function setMtu(...ends: readonly (readonly [Host, string])[]): Promise<void> {
  for (const [host, device] of ends) await host.exec('ip', ['link', 'set', device, 'mtu', String(narrow)])
}
