/**
 * How long a node needs to come back after the API server was away: `node bench/outages/measure.ts [SERVER] [RUNS] [ROW]`
 * (as root). SERVER is `embedded` (default), `real` or `old-etcd`: see `test/real-api-server`. Runs: default 2. ROW: a
 * part of a row's name. A run of all rows takes three minutes.
 *
 * Told is the time from when the server answers again, or the link is back, until the watch client has delivered what
 * changed; the kernel has it some milliseconds later.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { monotonic } from '../measure/clock.ts'
import { CutLink } from './cut-link.ts'
import { OutageNode } from './outage-node.ts'
import { type OutageServer, startEmbedded, startReal } from './outage-server.ts'

interface Row {
  readonly name: string
  readonly overCuttableLink?: boolean
  /** Makes the fault and the change; resolves with the moment from which the node could know. */
  readonly fault: (scene: Scene) => Promise<number>
  /** What the node is to be told, of the Service that the run is about. */
  readonly there: boolean
}

interface Scene {
  readonly server: OutageServer
  readonly node: OutageNode
  readonly link: CutLink | undefined
  /** Name of the Service that the run is about. */
  readonly service: string
}

const rows: readonly Row[] = [
  {
    name: 'a change',
    there: true,
    async fault({ server, service }) {
      const at = monotonic()
      await server.createService(service)
      return at
    },
  },
  {
    name: 'server killed and started',
    there: true,
    async fault({ server, service }) {
      await server.kill()
      await server.start()
      return await changed(server, service)
    },
  },
  {
    name: 'etcd restored to an older state',
    there: false,
    async fault({ server, node, service }) {
      await server.backUp()
      await server.createService(service)
      await node.told(`shop/${service}`, true)
      await server.restore()
      return monotonic()
    },
  },
  {
    name: 'server away for 40 s',
    there: true,
    async fault({ server, service }) {
      await server.kill()
      await sleep(40_000)
      await server.start()
      return await changed(server, service)
    },
  },
  {
    name: 'server frozen for 30 s, changed after',
    there: true,
    async fault({ server, service }) {
      server.freeze()
      await sleep(30_000)
      server.thaw()
      return await changed(server, service)
    },
  },
  {
    name: 'link cut for 20 s, changed meanwhile',
    overCuttableLink: true,
    there: true,
    async fault({ server, link, service }) {
      await link?.cut()
      await sleep(10_000)
      await server.createService(service)
      await sleep(10_000)
      await link?.join()
      return monotonic()
    },
  },
]

async function changed(server: OutageServer, service: string): Promise<number> {
  const at = monotonic()
  await server.createService(service)
  return at
}

const [which = 'embedded', runs = '2', part = ''] = process.argv.slice(2)
if (process.env.PORTOLAN_OUTAGES === undefined) {
  // Links are made in a network namespace of its own, which ends with it.
  const file = fileURLToPath(import.meta.url)
  const { status } = spawnSync('unshare', ['--net', process.execPath, file, which, runs, part], {
    stdio: 'inherit',
    env: { ...process.env, PORTOLAN_OUTAGES: '1' },
  })
  process.exit(status ?? 1)
}

execFileSync('ip', ['link', 'set', 'lo', 'up'])
await using server =
  which === 'embedded' ? await startEmbedded() : await startReal(which === 'real' ? 'own' : 'debian')
await using link = await CutLink.to(new URL(server.url), server.kubeconfig)
let number = 0
for (const row of rows.filter(({ name }) => name.includes(part))) {
  const seconds: string[] = []
  for (let run = 0; run < Number(runs); run++) {
    const service = `probe-${++number}`
    await using node = row.overCuttableLink
      ? await OutageNode.start(link.kubeconfig, link.networkNamespace)
      : await OutageNode.start(server.kubeconfig)
    // A connection that is as old as those of real nodes.
    await sleep(11_000)
    const from = await row.fault({ server, node, link, service })
    const at = await node.told(`shop/${service}`, row.there)
    seconds.push(((at - from) / 1000).toFixed(2))
  }
  console.log(`${which}: ${row.name}: ${seconds.join(', ')} s`)
}
