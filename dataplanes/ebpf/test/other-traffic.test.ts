import type { IpFamily } from '@portolan/core'
import {
  createLab,
  families,
  type Host,
  type Lab,
  network,
  podAddress,
  remotePodAddress,
} from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { anyone, clusterIP, endpoint, nodePort, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

/*
 * Traffic that is not for a Service, while it shares addresses and ports with traffic that is: it goes as on a node
 * without a proxy.
 */

const port = 8080
const service = 30_080
const vip = { IPv4: '10.96.0.1', IPv6: 'fd00:10:96::1' } as const
const protocols = ['TCP', 'UDP'] as const
/** The client's port, which every connection of a test has. */
const reused = 40_000

/** A ClusterIP and a NodePort over one endpoint, whose answers come back unmasqueraded. */
function served(
  lab: Lab,
  family: IpFamily,
  protocol: 'TCP' | 'UDP',
  address: string,
  settings: Record<string, string> = {},
  masquerade = false,
) {
  const balance = anyone({ do: 'balance', over: 'cluster', masquerade })
  const local = address.startsWith(podAddress(family, 0).slice(0, -1))
  const one = route(
    'a/b',
    [clusterIP(vip[family], balance), nodePort(service, masquerade)],
    [endpoint(address, local, port)],
    { protocol },
  )
  return applied(lab.node, nodeTable(lab.node, family, [one]), settings)
}

/** Who answers a probe from one of the host's ports. */
async function ask(
  host: Host,
  protocol: 'TCP' | 'UDP',
  to: { readonly address: string; readonly port: number },
  from = reused,
): Promise<string> {
  const own = host.addresses[to.address.includes(':') ? 'IPv6' : 'IPv4'][0]!
  const answer = await host.probe({ protocol, to, from: { address: own, port: from }, timeoutMs: 30_000 })
  return answer.result === 'answered' ? answer.host : answer.result
}

const clients: readonly (readonly [string, (lab: Lab) => Host])[] = [
  ['a pod', (lab) => lab.pods[0]!],
  ['a client outside', (lab) => lab.outside],
]

for (const family of families) {
  for (const [who, clientOf] of clients) {
    for (const protocol of protocols) {
      test(`${who} reaches an endpoint directly from the port that it asked the Service from, ${protocol}, ${family}`, async (t) => {
        await using lab = await createLab({ pods: 2 })
        const pod = podAddress(family, 1)
        await using _ = await served(lab, family, protocol, pod)
        await lab.pods[1]!.serve(protocol, pod, port)
        const client = clientOf(lab)
        const frontend =
          who === 'a pod'
            ? { address: vip[family], port: 80 }
            : { address: network[family].node.uplink, port: service }
        const direct = { address: pod, port }
        const answers: string[] = []
        for (const to of [direct, frontend, direct, frontend, frontend, direct, direct])
          answers.push(await ask(client, protocol, to))
        t.deepEqual(answers, Array(7).fill('pod1'))
      })
    }

    for (const first of ['direct', 'Service'] as const) {
      test(`${who}'s open connection outlives another from its port, the ${first} one first, ${family}`, async (t) => {
        await using lab = await createLab({ pods: 2 })
        const pod = podAddress(family, 1)
        await using _ = await served(lab, family, 'TCP', pod)
        await lab.pods[1]!.serve('TCP', pod, port)
        const client = clientOf(lab)
        const frontend =
          who === 'a pod'
            ? { address: vip[family], port: 80 }
            : { address: network[family].node.uplink, port: service }
        const direct = { address: pod, port }
        const order = first === 'direct' ? [direct, frontend] : [frontend, direct]
        const from = { address: client.addresses[family][0]!, port: reused }
        const one = await client.holdConnection({ to: order[0]!, from, timeoutMs: 30_000 })
        const other = await client.holdConnection({ to: order[1]!, from, timeoutMs: 30_000 })
        t.deepEqual(
          [(await one.ask(30_000)).alive, (await other.ask(30_000)).alive, (await one.ask(30_000)).alive],
          [true, true, true],
        )
        await one.close()
        await other.close()
      })
    }
  }

  test(`a pod's ports that the kernel picks serve Services and endpoints in turns, ${family}`, async (t) => {
    await using lab = await createLab({ pods: 2 })
    const pod = podAddress(family, 1)
    await using _ = await served(lab, family, 'TCP', pod)
    await lab.pods[1]!.serve('TCP', pod, port)
    // So few that every one is used again and again.
    await lab.pods[0]!.exec('sh', ['-c', 'echo 40000 40099 > /proc/sys/net/ipv4/ip_local_port_range'])
    const results = new Map<string, number>()
    for (let turn = 0; turn < 30; turn++) {
      const targets = Array.from({ length: 20 }, (_, index) =>
        index % 2 === turn % 2 ? { address: vip[family], port: 80 } : { address: pod, port },
      )
      for (const answer of await Promise.all(
        targets.map((to) => lab.pods[0]!.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })),
      ))
        results.set(answer.result, (results.get(answer.result) ?? 0) + 1)
    }
    t.deepEqual([...results], [['answered', 600]])
  })

  for (const protocol of protocols) {
    test(`answers to the node's own traffic from a Service's port are the node's, ${protocol}, ${family}`, async (t) => {
      await using lab = await createLab({ pods: 2 })
      const pod = podAddress(family, 1)
      await using _ = await served(lab, family, protocol, pod, {}, true)
      await lab.pods[1]!.serve(protocol, pod, port)
      const { outside } = network[family]
      await lab.outside.serve(protocol, outside, 123)
      t.is(await ask(lab.node, protocol, { address: outside, port: 123 }, service), 'outside')
      t.is(
        await ask(lab.outside, protocol, { address: network[family].node.uplink, port: service }),
        'pod1',
        'others reach the Service',
      )
    })

    test(`answers to a pod that others masqueraded to a Service's port are the pod's, ${protocol}, ${family}`, async (t) => {
      await using lab = await createLab({ pods: 2 })
      const pod = podAddress(family, 1)
      await using _ = await served(lab, family, protocol, pod, {}, true)
      await lab.pods[1]!.serve(protocol, pod, port)
      await masquerade(lab, family)
      const { outside } = network[family]
      await lab.outside.serve(protocol, outside, 123)
      t.is(await ask(lab.pods[0]!, protocol, { address: outside, port: 123 }, service), 'outside')
    })
  }

  for (const protocol of protocols) {
    test(`who else masquerades from a port of ours gets answers of its own, ${protocol}, ${family}`, async (t) => {
      await using lab = await createLab({ pods: 2 })
      const remote = remotePodAddress(family, 0)
      await using _ = await served(lab, family, protocol, remote, { 'masquerade-ports': '62000-62063' }, true)
      await lab.remote.serve(protocol, remote, port)
      await masquerade(lab, family)
      const to = { address: network[family].node.uplink, port: service }
      const ports = new Set<number>()
      for (let client = 0; client < 5; client++) {
        const answer = await lab.outside.probe({ protocol, to, timeoutMs: 30_000 })
        if (answer.result === 'answered') ports.add(answer.seen.port)
      }
      t.true(ports.size > 0)
      const direct = { address: remote, port }
      for (const from of ports) {
        t.is(await ask(lab.pods[0]!, protocol, direct, from), 'remote', `a pod from ${from}`)
        t.is(await ask(lab.pods[1]!, protocol, direct, from), 'remote', `another pod from ${from}`)
      }
      for (const from of ports)
        t.is(await ask(lab.node, protocol, direct, from), 'remote', `the node from ${from}`)
    })
  }

  for (const [where, hostOf, addressOf] of [
    ['a pod, an endpoint of its node', (lab: Lab) => lab.pods[0]!, podAddress(family, 1)],
    ['a pod, an endpoint elsewhere', (lab: Lab) => lab.pods[0]!, remotePodAddress(family, 0)],
    ['the node, an endpoint of its own', (lab: Lab) => lab.node, podAddress(family, 1)],
    ['the node, an endpoint elsewhere', (lab: Lab) => lab.node, remotePodAddress(family, 0)],
  ] as const) {
    test(`a socket sees who answers, Services and their endpoint in turns: ${where}, ${family}`, async (t) => {
      await using lab = await createLab({ pods: 2 })
      const balance = anyone({ do: 'balance', over: 'cluster', masquerade: false })
      const other = vip[family].replace(/1$/, '2')
      const routes = [vip[family], other].map((address) =>
        route(
          `a/${address}`,
          [clusterIP(address, balance)],
          [endpoint(addressOf, addressOf === podAddress(family, 1), port)],
          { protocol: 'UDP' },
        ),
      )
      await using _ = await applied(lab.node, nodeTable(lab.node, family, routes))
      await (addressOf === podAddress(family, 1) ? lab.pods[1]! : lab.remote).serve('UDP', addressOf, port)
      const targets = [vip[family], addressOf, other, addressOf, vip[family], other, addressOf].map(
        (address) => [address, address === addressOf ? port : 80] as const,
      )
      const { stdout } = await hostOf(lab).exec(process.execPath, ['-e', inTurns, JSON.stringify(targets)])
      t.deepEqual(
        String(stdout).trim().split('\n'),
        targets.map(([address, port]) => `${address} ${port}`),
      )
    })
  }

  test(`ICMP errors come back to whom they are about, the Service's client and the endpoint's, ${family}`, async (t) => {
    await using lab = await createLab({ pods: 2 })
    const pod = podAddress(family, 1)
    await using _ = await served(lab, family, 'UDP', pod)
    const results: string[] = []
    for (const to of [vip[family], pod, vip[family], pod])
      results.push(await ask(lab.pods[0]!, 'UDP', { address: to, port: to === pod ? port : 80 }))
    t.deepEqual(results, Array(4).fill('refused'))
  })

  test(`datagrams in pieces get through from one port, to the Service and to its endpoint, ${family}`, async (t) => {
    await using lab = await createLab({ pods: 2 })
    const pod = podAddress(family, 1)
    await using _ = await served(lab, family, 'UDP', pod)
    const stop = new AbortController()
    const args = ['-e', echo, pod, String(port)]
    const serving = lab.pods[1]!.exec(process.execPath, args, { reject: false, cancelSignal: stop.signal })
    try {
      const targets = [vip[family], pod, vip[family], pod].map((to) => [to, to === pod ? port : 80] as const)
      const words = ['-e', inPieces, String(reused), JSON.stringify(targets)]
      const { stdout } = await lab.pods[0]!.exec(process.execPath, words)
      t.deepEqual(
        String(stdout).trim().split('\n'),
        targets.map(([address, port]) => `${address} ${port} 4000 bytes`),
      )
    } finally {
      stop.abort()
      await serving
    }
  })

  test(`a socket that is connected anew sees whom it is connected to, ${family}`, async (t) => {
    await using lab = await createLab({ pods: 2 })
    const remote = remotePodAddress(family, 0)
    await using _ = await served(lab, family, 'UDP', remote)
    await lab.remote.serve('UDP', remote, port)
    const script = `
const [vip, remote] = process.argv.slice(1)
const socket = require('dgram').createSocket(vip.includes(':') ? 'udp6' : 'udp4')
const ask = (port, address) => new Promise((resolve) => {
  socket.once('message', (_, from) => {
    const peer = socket.remoteAddress()
    console.log(from.address, from.port, peer.address, peer.port)
    socket.disconnect()
    resolve()
  })
  socket.connect(port, address, () => socket.send('who'))
})
ask(80, vip).then(() => ask(${port}, remote)).then(() => ask(80, vip)).then(() => socket.close())`
    for (const host of [lab.pods[0]!, lab.node]) {
      const { stdout } = await host.exec(process.execPath, ['-e', script, vip[family], remote])
      const [service, direct] = [`${vip[family]} 80`, `${remote} ${port}`]
      t.deepEqual(
        String(stdout).trim().split('\n'),
        [service, direct, service].map((who) => `${who} ${who}`),
      )
    }
  })
}

/** One unconnected socket asks one after the other, and says where each answer comes from. */
const inTurns = `
const targets = JSON.parse(process.argv[1])
const socket = require('dgram').createSocket(targets[0][0].includes(':') ? 'udp6' : 'udp4')
const next = () => {
  const [address, port] = targets.shift() ?? []
  if (address === undefined) return socket.close()
  const late = setTimeout(() => { console.log('silence'); next() }, 30_000)
  socket.once('message', (_, from) => { clearTimeout(late); console.log(from.address, from.port); next() })
  socket.send('who', port, address)
}
next()`

/** Sends back whatever comes. */
const echo = `
const [address, port] = process.argv.slice(1)
const socket = require('dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4')
socket.on('message', (message, from) => socket.send(message, from.port, from.address))
socket.bind(Number(port), address)`

/** The same with datagrams that need several packets; asks again while nothing comes, for the server may be starting. */
const inPieces = `
const [port, targets] = process.argv.slice(1).map((text) => JSON.parse(text))
const socket = require('dgram').createSocket(targets[0][0].includes(':') ? 'udp6' : 'udp4')
let again
const next = () => {
  const [address, to] = targets.shift() ?? []
  if (address === undefined) return socket.close()
  const ask = () => socket.send(Buffer.alloc(4000), to, address)
  socket.once('message', (message, from) => {
    clearInterval(again)
    console.log(from.address, from.port, message.length, 'bytes')
    setTimeout(next, 300)
  })
  again = setInterval(ask, 250)
  ask()
}
socket.bind(port, next)
setTimeout(() => process.exit(1), 120_000).unref()`

/** What a CNI plugin does for pods that talk to others than pods. */
async function masquerade(lab: Lab, family: IpFamily): Promise<void> {
  const [ip, source] = [family === 'IPv4' ? 'ip' : 'ip6', network[family].podCidr]
  const rules = `
table ${ip} cni {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ${ip} saddr ${source} ${ip} daddr != ${source} masquerade
  }
}`
  await lab.node.exec('nft', ['-f', '-'], { input: rules })
}
