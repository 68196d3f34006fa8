/**
 * What a node pays with the eBPF dataplane: `npx node bench/ebpf.ts [SERVICES...]` (as root; default 1000 10000 100000).
 *
 * For each size, Services of 3 endpoints on a virtual node: everything from empty (encoding and system calls), then one
 * endpoint of one Service replaced at a time (compile and apply), and what connect() costs. Connects are those of UDP
 * sockets: the same program runs, and no handshake hides it. At last the throughput of one TCP flow through a NodePort,
 * against the same path by the pod's own address. Memory over millions of changes: ebpf-soak.ts.
 */
import type { Address, RoutingTable } from '@portolan/core'
import { emptyTable, fullDifference } from '@portolan/core'
import ebpf from '@portolan/dataplane-ebpf'
import { createLab, type Lab, podAddress } from '@portolan/lab'
import { inNetworkNamespace } from '@portolan/native'
import koffi from 'koffi'
import { changeOf, generatedRoute, generatedTable, nodeAddresses, vip } from './ebpf-table.ts'
import { median, quantiles } from './measure/quantiles.ts'

const sizes = process.argv.slice(2).map(Number)
const changes = 20_000
const connects = 200_000
const flowPairs = 11

/** Takes whatever comes at port 9000, and ends at a connection to port 9001. */
const sinkProgram = `
const net = require('net')
net.createServer((socket) => socket.resume().on('error', () => {})).listen(9000)
net.createServer(() => process.exit()).listen(9001)`

/** Sends for so many milliseconds as fast as it can, and tells the bytes that were taken. The sink may yet have to start. */
const sourceProgram = `
const [address, port, milliseconds] = process.argv.slice(1)
const chunk = Buffer.alloc(256 * 1024)
const giveUp = Date.now() + 10_000
const attempt = () => {
  const socket = require('net').connect(port, address, () => {
    const end = Date.now() + Number(milliseconds)
    const send = () => {
      do { if (Date.now() > end) { console.log(socket.bytesWritten - socket.writableLength); process.exit() } } while (socket.write(chunk))
    }
    socket.on('drain', send)
    send()
  })
  socket.on('error', (error) => {
    if (error.code !== 'ECONNREFUSED' || Date.now() > giveUp) throw error
    setTimeout(attempt, 100)
  })
}
attempt()`

type Dataplane = ReturnType<typeof ebpf>

await using lab = await createLab()
for (const services of sizes.length > 0 ? sizes : [1000, 10_000, 100_000]) await measure(services)
await measureThroughput(lab)

async function measure(services: number): Promise<void> {
  const bare = measureConnects('172.21.0.2', 8080)
  const dataplane = makeDataplane()
  const empty = { ...emptyTable('IPv4', { by: 'none' }), ...nodeAddresses() }
  const full = generatedTable(services)
  await dataplane.apply(dataplane.reconcile(await dataplane.observe('IPv4'), empty))
  try {
    const change = fullDifference(empty, full)
    const begun = performance.now()
    await dataplane.apply(dataplane.compile(change))
    console.log(`${services} Services x 3: from empty ${(performance.now() - begun).toFixed(0)} ms`)
    console.log(`  one endpoint replaced: ${spread(await measureChanges(dataplane, full, changes))} us`)
    const miss = measureConnects('172.21.0.2', 8080)
    const hit = measureConnects(vip(500), 80)
    console.log(`  connect() p50: ${bare} ns without, ${miss} ns to no Service, ${hit} ns to a Service`)
  } finally {
    await dataplane.cleanup()
  }
}

function makeDataplane(): Dataplane {
  return ebpf({ masqueradeBit: 14, networkNamespace: lab.node.networkNamespace, settings: {} })
}

/** Microseconds of each. */
async function measureChanges(dataplane: Dataplane, table: RoutingTable, count: number): Promise<number[]> {
  const versions = new Map<number, number>()
  const times: number[] = []
  for (let turn = 0; turn < count; turn++) {
    const number = (turn * 7919) % table.routes.size
    const version = versions.get(number) ?? 0
    versions.set(number, version + 1)
    const [before, after] = [generatedRoute(number, version), generatedRoute(number, version + 1)]
    const change = changeOf(table, [{ key: before.key, before, after }])
    const begun = performance.now()
    await dataplane.apply(dataplane.compile(change))
    times.push((performance.now() - begun) * 1000)
  }
  const back = [...versions].map(([number, version]) => {
    const [before, after] = [generatedRoute(number, version), generatedRoute(number, 0)]
    return { key: before.key, before, after }
  })
  await dataplane.apply(dataplane.compile(changeOf(table, back)))
  return times
}

/** Nanoseconds at the median of a UDP socket's connect() on the node. */
function measureConnects(address: string, port: number): number {
  const libc = koffi.load('libc.so.6')
  const socket = libc.func('int socket(int domain, int type, int protocol)')
  const connect = libc.func('int connect(int fd, const void *address, uint32_t length)')
  const close = libc.func('int close(int fd)')
  const to = Buffer.alloc(16)
  to.writeUInt16LE(2, 0)
  to.writeUInt16BE(port, 2)
  to.set(address.split('.').map(Number), 4)
  const times = new Float64Array(connects)
  inNetworkNamespace(lab.node.networkNamespace, () => {
    const fd = Number(socket(2, 2, 0))
    for (let turn = 0; turn < connects; turn++) {
      const begun = process.hrtime.bigint()
      connect(fd, to, to.length)
      times[turn] = Number(process.hrtime.bigint() - begun)
    }
    close(fd)
  })
  return times.sort()[connects >> 1] ?? 0
}

async function measureThroughput({ node, outside, pods }: Lab): Promise<void> {
  const pod = podAddress('IPv4', 0)
  const nodePort = 30_080
  const sink = pods[0]?.exec(process.execPath, ['-e', sinkProgram], { reject: false })
  const dataplane = makeDataplane()
  const frontend = {
    kind: 'NodePort',
    port: nodePort,
    verdicts: {
      pod: { do: 'reject' },
      node: { do: 'reject' },
      outside: { do: 'balance', over: 'cluster', masquerade: false },
    },
  } as const
  const endpoints = { cluster: [{ address: pod as Address, port: 9000, local: true }], local: [] }
  const route = { ...generatedRoute(0, 0), protocol: 'TCP', endpoints, frontends: [frontend] } as const
  const table = { ...generatedTable(0), routes: new Map([[route.key, route]]) }
  try {
    const direct: number[] = []
    const nodePorted: number[] = []
    // In turns, because a shared machine's speed changes with time; the first pair warms up.
    for (let turn = 0; turn <= flowPairs; turn++) {
      direct.push(await measureFlow(outside, pod, 9000))
      await dataplane.apply(dataplane.reconcile(await dataplane.observe('IPv4'), table))
      nodePorted.push(await measureFlow(outside, node.addresses.IPv4[0] ?? '', nodePort))
      await dataplane.cleanup()
    }
    const ratios = nodePorted.map((rate, turn) => rate / (direct[turn] ?? Number.NaN)).slice(1)
    console.log(
      `one TCP flow: ${median(direct.slice(1)).toFixed(1)} Gbit/s without Portolan, ` +
        `${median(nodePorted.slice(1)).toFixed(1)} through a NodePort; ` +
        `ratio of ${flowPairs} pairs: median ${median(ratios).toFixed(3)}, ` +
        `${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}`,
    )
  } finally {
    await dataplane.cleanup()
    await measureFlow(outside, pod, 9001).catch(() => {})
    await sink
  }
}

/** Gbit/s of one TCP flow. */
async function measureFlow(from: Lab['outside'], address: string, port: number): Promise<number> {
  const milliseconds = 2000
  const args = ['-e', sourceProgram, '--', address, String(port), String(milliseconds)]
  const { stdout } = await from.exec(process.execPath, args)
  return (Number(stdout) * 8) / milliseconds / 1e6
}

function spread(times: number[]): string {
  const { p50, p99, max } = quantiles(times)
  return `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${max.toFixed(1)}`
}
