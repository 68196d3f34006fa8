/**
 * What a pass through the flows of UDP costs a node: `node bench/conntrack/pass.ts [FLOWS] [UDP]`, as root; so many of all flows
 * are of UDP, by default all, and the others connections of TCP. They are made in network namespaces of its own, as many as
 * the machine's nf_conntrack_max lets one have in each; that isn't touched. Those of UDP come first.
 */
import { readFile } from 'node:fs/promises'
import { type Address, addressBytes, formatBytes } from '@portolan/core'
import { ConntrackEntries, type ConntrackEntry, createLab } from '@portolan/lab'
import { type ForgottenFlows, forgetStaleFlows, type StaleFlowsOptions } from '@portolan/native/netfilter'

const wanted = Number(process.argv[2] ?? 1_000_000)
const ofUdp = Number(process.argv[3] ?? wanted)
const limit = Number(await readFile('/proc/sys/net/netfilter/nf_conntrack_max', 'utf8'))
/** A limit that is reached makes the kernel drop others' flows early. */
const perNamespace = Math.min(wanted, Math.floor(limit * 0.95))

const text = (address: string) => address as Address
const service = { address: text('10.96.0.10'), port: 53 }
const serving = { address: text('10.1.1.1'), port: 53 }
const gone = { address: text('10.1.1.2'), port: 53 }

/** Flows of a DNS Service, first those of UDP: one in a thousand is led to a server that has gone. */
function* flows(first: number, count: number): Generator<ConntrackEntry> {
  for (let index = first; index < first + count; index++) {
    const server = index % 1000 === 0 ? gone : serving
    const client = `10.${2 + (index >> 22)}.${(index >> 14) & 255}.${1 + ((index >> 13) & 1)}`
    yield {
      protocol: index < ofUdp ? 'UDP' : 'TCP',
      source: `${client} ${1024 + (index & 8191)}`,
      destination: `${service.address} ${service.port}`,
      server: `${server.address} ${server.port}`,
    }
  }
}

async function measure(
  what: string,
  namespaces: readonly string[],
  suspects: StaleFlowsOptions<Address>['suspects'],
): Promise<void> {
  globalThis.gc?.()
  const [rssBefore, cpuBefore] = [process.memoryUsage().rss, process.cpuUsage()]
  let rss = rssBefore
  const timer = setInterval(() => {
    rss = Math.max(rss, process.memoryUsage().rss)
  }, 5)
  const done: ForgottenFlows[] = []
  for (const networkNamespace of namespaces)
    done.push(
      await forgetStaleFlows({
        family: 'IPv4',
        networkNamespace,
        serversAt: (address, port) => (address === service.address && port === service.port ? [servers] : []),
        ...(suspects === undefined ? {} : { suspects }),
        addressBytes,
        formatBytes,
      }),
    )
  clearInterval(timer)
  const { user, system } = process.cpuUsage(cpuBefore)
  const sum = (of: keyof ForgottenFlows) => done.reduce((total, one) => total + one[of], 0)
  console.log(
    `${what}: read ${sum('read')}, deleted ${sum('deleted')}; CPU ${((user + system) / 1e6).toFixed(2)} s ` +
      `(here ${(user / 1e6).toFixed(2)}, in the kernel ${(system / 1e6).toFixed(2)}); memory ` +
      `+${((rss - rssBefore) / 2 ** 20).toFixed(1)} MiB`,
  )
}

const servers = [serving]
const labs: Awaited<ReturnType<typeof createLab>>[] = []
try {
  for (let made = 0; made < wanted; made += perNamespace) {
    const lab = await createLab({ pods: 1 })
    labs.push(lab)
    const entries = new ConntrackEntries('IPv4', lab.node.networkNamespace)
    entries.add(flows(made, Math.min(perNamespace, wanted - made)))
    entries.close()
  }
  const namespaces = labs.map(({ node }) => node.networkNamespace)
  console.log(`${wanted} flows, ${ofUdp} of UDP, in ${namespaces.length} network namespaces`)
  // The kernel keeps the flows of all namespaces in one table, so that a pass in one walks past those of the others.
  await measure('a server has gone, one namespace', namespaces.slice(0, 1), {
    answeredBy: [gone],
    sentTo: [],
  })
  await measure('a start, all flows go to the one destination, one namespace', namespaces.slice(0, 1), {
    answeredBy: [],
    sentTo: [service],
  })
  await measure('a start, no flow goes to the one destination, one namespace', namespaces.slice(0, 1), {
    answeredBy: [],
    sentTo: [{ ...service, port: 54 }],
  })
  await measure('all flows are looked at, one namespace', namespaces.slice(0, 1), undefined)
  await measure('all flows are looked at, the last namespace', namespaces.slice(-1), undefined)
  await measure('all flows are looked at, each namespace', namespaces, undefined)
} finally {
  for (const lab of labs) await lab.close()
}
