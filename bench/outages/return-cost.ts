/**
 * What a node that comes back costs a real kube-apiserver: `node bench/outages/return-cost.ts [NODES]` (default 100). So
 * many watch clients lose their connections at the same moment, and the server's CPU until all watch again is divided by
 * them. With no objects to speak of; what lists of many cost is measured by the other benchmarks.
 */
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import * as net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kubernetesSource } from '@portolan/core/source'
import { RealApiServer } from '@portolan/real-api-server'

const nodes = Number(process.argv[2] ?? 100)
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
/** In which all have come back, whatever their jitter, and the server has its usual background work. */
const observedMs = 10_000

await using server = await RealApiServer.start()
const sockets = new Set<net.Socket>()
const relay = net.createServer((client) => {
  const upstream = net.connect(server.port, '127.0.0.1')
  for (const socket of [client, upstream]) {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  }
  client.once('close', () => upstream.destroy())
  upstream.once('close', () => client.destroy())
  client.pipe(upstream).pipe(client)
})
await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
const kubeconfig = join(tmpdir(), `portolan-return-${process.pid}`)
await server.writeKubeconfig(kubeconfig)
const { port } = relay.address() as net.AddressInfo
await writeFile(kubeconfig, readFileSync(kubeconfig, 'utf8').replace(server.url, `https://127.0.0.1:${port}`))

const sources = Array.from({ length: nodes }, (_, index) =>
  kubernetesSource({ kubeconfig, nodeName: `node-${index}`, logger: quiet }),
)
await Promise.all(
  sources.map(async (source) => {
    const synced = Promise.withResolvers<void>()
    let missing = 4
    await source.start({
      set() {},
      remove() {},
      problem() {},
      synced: () => {
        if (--missing === 0) synced.resolve()
      },
    })
    await synced.promise
  }),
)
await sleep(12_000)
const idleMs = await cpuMsOf(() => {})
const returnMs = await cpuMsOf(() => {
  for (const socket of sockets) socket.resetAndDestroy()
})
console.log(
  `${nodes} nodes: ${returnMs} ms of CPU where it is ${idleMs} without: ${((returnMs - idleMs) / nodes).toFixed(2)} ms a node`,
)
await Promise.all(sources.map((source) => source.stop()))
relay.close()
await rm(kubeconfig, { force: true })

/** The server's CPU time from an event on. */
async function cpuMsOf(event: () => void): Promise<number> {
  const before = cpuMs()
  event()
  await sleep(observedMs)
  return cpuMs() - before
}

/** Of /proc, in which a tick is 10 ms. */
function cpuMs(): number {
  const fields = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
