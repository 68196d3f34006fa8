import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { monotonic } from '../clock.ts'
import {
  createLab,
  families,
  type Host,
  type Lab,
  network,
  type Protocol,
  podAddress,
  remotePodAddress,
  supportsSctp,
} from '../index.ts'

/** What sockets this kernel has; with SCTP it can be run in the VM: `npm run vm -- npx ava test/lab/test/lab.test.ts`. */
const protocols: readonly Protocol[] = supportsSctp() ? ['TCP', 'UDP', 'SCTP'] : ['TCP', 'UDP']

const labs: Lab[] = []
test.after.always(() => Promise.all(labs.map((lab) => lab.close())))

/** A lab in which every host serves port 8080 on all its addresses. */
async function servingLab(options: Parameters<typeof createLab>[0] = {}): Promise<Lab> {
  // All tests of this file run at once, on whatever machine: what is silence, and what is late, has to be far apart.
  const lab = await createLab({ slowness: 8, ...options })
  labs.push(lab)
  for (const host of lab.hosts) {
    await host.serve('TCP', '0.0.0.0', 8080)
    await host.serve('TCP', '::', 8080)
    for (const family of families)
      for (const address of host.addresses[family])
        for (const protocol of protocols) if (protocol !== 'TCP') await host.serve(protocol, address, 8080)
  }
  return lab
}

const bridged = servingLab()
const routed = servingLab({ podNetwork: 'routed', pods: 3 })

for (const [name, made] of Object.entries({ bridged, routed })) {
  for (const family of families) {
    for (const protocol of protocols) {
      test(`every host reaches every other host untranslated: ${name}, ${family}, ${protocol}`, async (t) => {
        const lab = await made
        const pairs = lab.hosts.flatMap((from) =>
          lab.hosts.filter((to) => to !== from).map((to): [Host, Host] => [from, to]),
        )
        const answers = await Promise.all(
          pairs.map(async ([from, to]) => {
            const address = to.addresses[family][0]!
            const answer = await from.probe({
              protocol,
              to: { address, port: 8080 },
              from: { address: from.addresses[family][0]! },
              timeoutMs: 30_000,
            })
            if (answer.result !== 'answered') return `${from.name} to ${to.name}: ${answer.result}`
            t.is(answer.address, address)
            t.is(answer.port, 8080)
            t.is(answer.seen.address, from.addresses[family][0]!)
            return `${from.name} to ${to.name}: ${answer.host}`
          }),
        )
        t.deepEqual(
          answers,
          pairs.map(([from, to]) => `${from.name} to ${to.name}: ${to.name}`),
        )
      })
    }
  }
}

for (const family of families) {
  test(`an open port answers, a closed one refuses, an unassigned address is silence: ${family}`, async (t) => {
    const { node } = await bridged
    const nobody = podAddress(family, 100)
    for (const protocol of protocols) {
      const at = (address: string, port: number, timeoutMs: number) =>
        node.probe({ protocol, to: { address, port }, timeoutMs })
      t.is((await at(podAddress(family, 0), 8080, 30_000)).result, 'answered', protocol)
      t.is((await at(podAddress(family, 0), 8081, 30_000)).result, 'refused', protocol)
      t.is((await at(nobody, 8080, 2000)).result, 'timeout', protocol)
    }
    t.is((await node.ping(podAddress(family, 0), { timeoutMs: 30_000 })).result, 'answered')
    t.is((await node.ping(nobody)).result, 'timeout')
  })

  test(`a burst of refusals is refused whole, not rate-limited into silence: ${family}`, async (t) => {
    const { outside } = await bridged
    const refusals = await Promise.all(
      Array.from({ length: 300 }, () =>
        outside.probe({
          protocol: 'UDP',
          to: { address: podAddress(family, 0), port: 8081 },
          timeoutMs: 30_000,
        }),
      ),
    )
    t.deepEqual([...new Set(refusals.map(({ result }) => result))], ['refused'])
  })

  test(`any address of the other node's pod range answers under its own name: ${family}`, async (t) => {
    const { pods, remote } = await bridged
    const address = remotePodAddress(family, 77)
    const udp = await remote.serve('UDP', address, 9000)
    for (const [protocol, port] of [
      ['TCP', 8080],
      ['UDP', 9000],
    ] as const) {
      const answer = await pods[0]!.probe({ protocol, to: { address, port }, timeoutMs: 30_000 })
      t.like(answer, { result: 'answered', host: 'remote', address })
    }
    await udp.close()
    const later = await pods[0]!.probe({ protocol: 'UDP', to: { address, port: 9000 }, timeoutMs: 30_000 })
    t.is(later.result, 'refused')
  })

  test(`a packet to an unassigned address ends at the internet and is answered there: ${family}`, async (t) => {
    const { pods, outside, node } = await bridged
    const address = family === 'IPv4' ? '10.96.0.1' : 'fd00:10:96::1'
    for (const host of [pods[0]!, outside, node]) {
      const answer = await host.probe({ protocol: 'TCP', to: { address, port: 8080 }, timeoutMs: 30_000 })
      t.like(answer, { result: 'answered', host: 'internet', address })
      t.is((await host.ping(address, { timeoutMs: 30_000 })).result, 'answered')
    }
  })

  test(`a host can be given one more address, asks from it, and no more once it is taken away: ${family}`, async (t) => {
    const { outside, pods } = await bridged
    const address = family === 'IPv4' ? '172.20.0.101' : 'fd00:172:20::101'
    await outside.addAddress(address)
    const answer = await outside.probe({
      protocol: 'TCP',
      from: { address, port: 4321 },
      to: { address: pods[0]!.addresses[family][0]!, port: 8080 },
      timeoutMs: 30_000,
    })
    t.like(answer, { result: 'answered', seen: { address, port: 4321 } })
    await outside.removeAddress(address)
    t.false(outside.addresses[family].includes(address))
    const to = { address: pods[0]!.addresses[family][0]!, port: 8080 }
    const later = await outside.probe({ protocol: 'TCP', from: { address }, to })
    t.not(later.result, 'answered')
  })
}

test('a held connection knows its server, and notices when it goes', async (t) => {
  const lab = await bridged
  const server = await lab.pods[1]!.serve('TCP', podAddress('IPv4', 1), 9001)
  const held = await lab.outside.holdConnection({ to: { address: podAddress('IPv4', 1), port: 9001 } })
  t.is(held.server.host, 'pod1')
  t.like(await held.ask(), { alive: true, host: 'pod1', port: 9001 })
  await server.close()
  t.like(await held.ask(), { alive: false })
})

test('a connect loop counts every attempt, by outcome and by server', async (t) => {
  const lab = await bridged
  const to = { address: podAddress('IPv4', 1), port: 9002 }
  const loop = await lab.outside.startConnectLoop({ to })
  const server = await lab.pods[1]!.serve('TCP', to.address, to.port)
  await lab.outside.firstPacketAt({ to, expected: to })
  await server.close()
  const report = await loop.stop()
  t.is(
    Object.values(report.results).reduce((sum, count) => sum + count),
    report.attempts,
  )
  t.true(report.attempts > 0)
  t.deepEqual(
    Object.keys(report.servers).filter((name) => name !== 'pod1 10.1.0.3|9002'),
    [],
  )
})

/** A lab of a test's own, for rules on its node; what it sends to be dropped, and a marker at the internet. */
async function labWithRules(t: import('ava').ExecutionContext, ...rules: readonly string[]) {
  const lab = await servingLab({ slowness: 1 })
  t.teardown(() => lab.close())
  await lab.node.exec('nft', [
    `add table ip rules; add chain ip rules forward { type filter hook forward priority 0; }; ${rules
      .map((rule) => `add rule ip rules forward ${rule}`)
      .join('; ')}`,
  ])
  const [from = ''] = lab.outside.addresses.IPv4
  const marker = { address: network.IPv4.internet, port: 8080 }
  return { lab, from, marker, to: { address: podAddress('IPv4', 0), port: 8080 } }
}

for (const protocol of ['TCP', 'UDP'] as const) {
  const name = protocol.toLowerCase()

  test(`silence is what stays without an answer until all markers have come back, in ${protocol}`, async (t) => {
    const { lab, to, from, marker } = await labWithRules(t, `${name} dport 8080 ip daddr 10.1.0.0/24 drop`)
    const answer = await lab.outside.silence({ protocol, to, markers: [marker], minMs: 50 })
    t.like(answer, { result: 'silence', from: { address: from } })
    const { from: source, since } = answer as { from: { address: string; port: number }; since: number }
    t.deepEqual(await lab.pods[0]!.arrived([{ protocol, from: source, at: to, since }]), [])
  })

  test(`an answer of a host that had no time to give it is no silence, in ${protocol}`, async (t) => {
    const { lab, to } = await labWithRules(t)
    const [server, marker] = [9101, 9102].map((port) => ({ ...to, port })) as [typeof to, typeof to]
    const busy = spawn('nsenter', [
      `--net=${lab.pods[0]!.networkNamespace}`,
      process.execPath,
      '--eval',
      `const reply = JSON.stringify({ host: 'busy', address: '', port: 0, seen: { address: '', port: 0 } }) + '\\n'
       require('node:net').createServer((socket) => socket.on('error', () => {}).write(reply)).listen(9101, '${to.address}')
       for (const port of [9101, 9102]) {
         const socket = require('node:dgram').createSocket('udp4').bind(port, '${to.address}', () => console.log('ready'))
         socket.on('message', (_, from) => socket.send(reply, from.port, from.address))
       }`,
    ])
    t.teardown(() => busy.kill('SIGKILL'))
    let ready = ''
    for await (const data of busy.stdout) {
      ready += data
      if (ready.split('ready').length > 2) break
    }
    busy.kill('SIGSTOP')
    const listening = lab.outside.silence({ protocol, to: server, markers: [marker], minMs: 50 })
    await sleep(600)
    busy.kill('SIGCONT')
    t.like(await listening, { result: 'answered', host: 'busy' })
  })

  test(`a packet that came to its server, whose answer was lost, is known to have arrived, in ${protocol}`, async (t) => {
    const drop =
      protocol === 'TCP'
        ? 'tcp sport 8080 tcp flags & psh == psh drop'
        : 'udp sport 8080 ip saddr 10.1.0.2 drop'
    const { lab, to, marker } = await labWithRules(t, drop)
    const answer = await lab.outside.silence({ protocol, to, markers: [marker], minMs: 200 })
    t.is(answer.result, 'silence')
    const { from: source, since } = answer as { from: { address: string; port: number }; since: number }
    const packet = { protocol, from: source, at: to, since }
    t.deepEqual(await lab.pods[0]!.arrived([packet, { ...packet, at: marker }]), [packet])
    const afterwards = { ...packet, since: monotonic() }
    t.deepEqual(await lab.pods[0]!.arrived([afterwards]), [], 'who came before is another client')
    t.deepEqual(await lab.internet.arrived([packet]), [])
  })
}

test('what stays without an answer in TCP has a port that no connection is given meanwhile', async (t) => {
  const { lab, to, marker } = await labWithRules(t, 'tcp dport 8080 ip daddr 10.1.0.0/24 drop')
  const range = await lab.outside.exec('sysctl', ['-n', 'net.ipv4.ip_local_port_range'])
  const highest = Number(String(range.stdout).trim().split(/\s+/).at(-1))
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      lab.outside.silence({ protocol: 'TCP', to, markers: [marker], minMs: 50 }),
    ),
  )
  const ports = answers.map((answer) => ('from' in answer ? answer.from?.port : undefined) ?? 0)
  t.deepEqual(
    ports.filter((port) => port <= highest),
    [],
  )
  t.is(new Set(ports).size, 8)
})

test('nothing is known of silence while markers are not answered', async (t) => {
  const { lab, to, marker } = await labWithRules(t, 'drop')
  t.deepEqual(
    await lab.outside.silence({ protocol: 'UDP', to, markers: [marker], minMs: 50, timeoutMs: 600 }),
    { result: 'unknown', unanswered: [marker] },
  )
  t.like(await lab.outside.silence({ ping: lab.node.addresses.IPv4[0]!, markers: [], minMs: 50 }), {
    result: 'answered',
  })
})

for (const protocol of ['TCP', 'UDP'] as const) {
  test(`a connect loop measures an outage that a ${protocol === 'TCP' ? 'second SYN hides' : 'later datagram follows'}`, async (t) => {
    const lab = await bridged
    const to = { address: podAddress('IPv4', 1), port: protocol === 'TCP' ? 9003 : 9004 }
    await lab.pods[1]!.serve(protocol, to.address, to.port)
    const loop = await lab.outside.startConnectLoop({ protocol, to, everyMs: 5, timeoutMs: 4000 })
    const table = `outage-${protocol.toLowerCase()}`
    await sleep(300)
    await lab.node.exec('nft', [
      `add table ip ${table}; add chain ip ${table} forward { type filter hook forward priority 0; }; ` +
        `add rule ip ${table} forward ${protocol.toLowerCase()} dport ${to.port} drop`,
    ])
    await sleep(800)
    await lab.node.exec('nft', ['delete', 'table', 'ip', table])
    await sleep(300)
    const { results, outage, attempts } = await loop.stop()
    t.is(results.answered + results.timeout, attempts)
    // How long it lasted depends on what else the machine does: commands take their time, and stalls don't count.
    t.true((outage?.milliseconds ?? 0) > 0)
    t.true((outage?.attempts ?? 0) > 1)
    t.true((outage?.afterMs ?? 0) > 100)
  })
}

test('a connect loop that loses nothing tells of no outage', async (t) => {
  const lab = await bridged
  const to = { address: podAddress('IPv4', 1), port: 8080 }
  const loop = await lab.outside.startConnectLoop({ to, everyMs: 5 })
  await sleep(300)
  const { outage, longestStallMs } = await loop.stop()
  t.is(outage, undefined)
  t.true(longestStallMs >= 0)
})

test('firstPacketAt says so when a server is never reached', async (t) => {
  const lab = await bridged
  await t.throwsAsync(
    lab.outside.firstPacketAt({
      to: { address: podAddress('IPv4', 0), port: 8080 },
      expected: { address: podAddress('IPv4', 1), port: 8080 },
      timeoutMs: 100,
    }),
    { message: /no connection to 10\.1\.0\.2 port 8080 reached 10\.1\.0\.3/ },
  )
})

test('a program run on a host sees the links of that host alone', async (t) => {
  const { outside } = await bridged
  const { stdout } = await outside.exec('ip', ['-json', 'address', 'show', 'dev', 'eth0'])
  t.true(String(stdout).includes(network.IPv4.outside))
  t.false(String(stdout).includes(network.IPv4.node.uplink))
})

test('closing a lab removes each of its namespaces', async (t) => {
  const lab = await createLab({ slowness: 8 })
  const names = lab.hosts.map((host) => host.networkNamespace.split('/').at(-1)!)
  t.deepEqual(
    names.filter((name) => !readdirSync('/run/netns').includes(name)),
    [],
  )
  await lab.pods[0]!.serve('TCP', '0.0.0.0', 80)
  await lab.close()
  t.deepEqual(
    names.filter((name) => readdirSync('/run/netns').includes(name)),
    [],
  )
})

test('a wrong number of pods is told in words', async (t) => {
  await t.throwsAsync(createLab({ pods: 0 }), {
    message: /pods is 0, and must be a whole number from 1 to 250/,
  })
})

test('what a closed lab served is no longer served: not in the next lab, and not on this machine', async (t) => {
  const first = await createLab({ pods: 1, slowness: 8 })
  const [port, loop] = [18_080, { address: '127.0.0.1', port: 18_080 }]
  await first.node.serve('TCP', '0.0.0.0', port)
  await first.node.serve('UDP', '127.0.0.1', port)
  t.is((await first.node.probe({ protocol: 'TCP', to: loop, timeoutMs: 30_000 })).result, 'answered')
  await first.close()
  await using second = await createLab({ pods: 1, slowness: 8 })
  for (const protocol of ['TCP', 'UDP'] as const)
    t.is((await second.node.probe({ protocol, to: loop, timeoutMs: 30_000 })).result, 'refused', protocol)
  await t.throwsAsync(connectHere(port), { code: 'ECONNREFUSED' })
})

test('a lab closes while its hosts are still at something', async (t) => {
  const lab = await createLab({ pods: 1, slowness: 8 })
  const to = { address: podAddress('IPv4', 100), port: 80 }
  await lab.outside.startConnectLoop({ to, everyMs: 5 })
  const unanswered = t.throwsAsync(lab.node.probe({ protocol: 'TCP', to, timeoutMs: 60_000 }))
  await lab.close()
  await unanswered
  const left = lab.hosts.map(({ networkNamespace }) => networkNamespace.split('/').at(-1))
  t.deepEqual(
    readdirSync('/run/netns').filter((name) => left.includes(name)),
    [],
  )
})

test('a host of a closed lab refuses what it is asked, and starts no thread for it', async (t) => {
  const lab = await createLab({ pods: 1, slowness: 8 })
  await lab.close()
  const to = { address: podAddress('IPv4', 0), port: 80 }
  await t.throwsAsync(lab.node.probe({ protocol: 'TCP', to }), { message: /^node: the lab has been closed/ })
})

test('what fails in a host is thrown with the stack of where it failed', async (t) => {
  const lab = await createLab({ pods: 1, slowness: 8 })
  t.teardown(() => lab.close())
  const to = { address: podAddress('IPv4', 0), port: 80 }
  const loop = await lab.node.startConnectLoop({ to, everyMs: 5 })
  await loop.stop()
  const error = await t.throwsAsync(loop.stop(), { message: /^node: .* has been stopped before/ })
  t.regex(error!.stack ?? '', /host-worker/)
})

async function connectHere(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
  } finally {
    socket.destroy()
  }
}
