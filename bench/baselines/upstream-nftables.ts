import {
  type ApplyReport,
  type CleanupReport,
  type CompiledProgram,
  defineDataplane,
  type Endpoint,
  emptyTable,
  type Frontend,
  fullDifference,
  type IpFamily,
  type Kernel,
  type ProbeReport,
  type RoutingTable,
  type ServiceRoute,
  type TableChange,
} from '@portolan/core'
import { SystemCommand } from '@portolan/native/system-command'

const table = 'portolan-bench-upstream'

/** Lines of nft that change one table of one family. */
interface Script extends CompiledProgram {
  readonly lines: readonly string[]
}

const script = (family: IpFamily, lines: readonly string[]): Script => ({
  family,
  lines,
  operations: lines.length,
  findings: [],
  degraded: [],
})

class UpstreamKernel implements Kernel<Script, undefined> {
  readonly #command: SystemCommand

  constructor(networkNamespace: string | undefined) {
    this.#command = new SystemCommand(networkNamespace)
  }

  async probe(): Promise<ProbeReport> {
    try {
      const stdout = await this.#nft(['--version'])
      return { usable: true, problems: [], facts: { nft: /v([\d.]+)/.exec(stdout)?.[1] ?? stdout } }
    } catch {
      const problem = { what: 'nft is not installed', fix: 'install the package nftables' }
      return { usable: false, problems: [problem], facts: {} }
    }
  }

  async observe(): Promise<undefined> {}

  async isUnchanged(): Promise<boolean> {
    return true
  }

  async apply({ lines }: Script): Promise<ApplyReport> {
    const text = `${lines.join('\n')}\n`
    if (lines.length > 0) await this.#nft(['-f', '-'], text)
    return { bytes: text.length }
  }

  async cleanup(): Promise<CleanupReport> {
    await this.#nft(['-f', '-'], `add table ip ${table}\ndelete table ip ${table}\n`)
    return { removed: [`table ip ${table}`] }
  }

  #nft(args: readonly string[], input?: string): Promise<string> {
    return this.#command.run('nft', args, input)
  }
}

function baseLines({ podSource }: RoutingTable): string[] {
  const fromOutside = podSource.by === 'cidr' ? `ip saddr != ${podSource.cidr} ` : ''
  return [
    `add table ip ${table}`,
    `delete table ip ${table}`,
    `add table ip ${table}`,
    `add map ip ${table} service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }`,
    `add chain ip ${table} services`,
    `add rule ip ${table} services ip daddr . meta l4proto . th dport vmap @service-ips`,
    `add chain ip ${table} nat-prerouting { type nat hook prerouting priority dstnat ; }`,
    `add rule ip ${table} nat-prerouting jump services`,
    `add chain ip ${table} nat-output { type nat hook output priority -100 ; }`,
    `add rule ip ${table} nat-output jump services`,
    `add chain ip ${table} mark-for-masquerade`,
    `add rule ip ${table} mark-for-masquerade ${fromOutside}mark set mark or 0x4000`,
    `add chain ip ${table} masquerading { type nat hook postrouting priority srcnat ; }`,
    `add rule ip ${table} masquerading mark and 0x4000 != 0 masquerade`,
  ]
}

function changeLines({ routes }: TableChange): string[] {
  const lines: string[] = []
  // What leads to a chain goes before it, and a chain is there before what leads to it.
  for (const { before, after } of routes) {
    const staying = new Set((after === undefined ? [] : clusterFrontends(after)).map(elementKey(after)))
    for (const key of (before === undefined ? [] : clusterFrontends(before)).map(elementKey(before))) {
      if (!staying.has(key)) lines.push(`delete element ip ${table} service-ips { ${key} }`)
    }
  }
  for (const { before, after } of routes) {
    const was = endpointsByChain(before)
    const is = endpointsByChain(after)
    for (const [chain, endpoint] of is) {
      if (was.has(chain)) continue
      lines.push(`add chain ip ${table} ${chain}`)
      lines.push(`add rule ip ${table} ${chain} ip saddr ${endpoint.address} mark set mark or 0x4000`)
      lines.push(
        `add rule ip ${table} ${chain} meta l4proto ${protocolOf(after)} dnat to ${endpoint.address}:${endpoint.port}`,
      )
    }
    if (after !== undefined) lines.push(...serviceLines(before, after, [...is.keys()]))
    else if (before !== undefined) {
      lines.push(`flush chain ip ${table} ${serviceChain(before)}`)
      lines.push(`delete chain ip ${table} ${serviceChain(before)}`)
    }
    for (const chain of was.keys()) {
      if (!is.has(chain)) lines.push(`flush chain ip ${table} ${chain}`, `delete chain ip ${table} ${chain}`)
    }
  }
  return lines
}

function serviceLines(
  before: ServiceRoute | undefined,
  after: ServiceRoute,
  endpointChains: readonly string[],
): string[] {
  const chain = serviceChain(after)
  const lines = [`add chain ip ${table} ${chain}`, `flush chain ip ${table} ${chain}`]
  if (endpointChains.length === 0) lines.push(`add rule ip ${table} ${chain} drop`)
  else {
    lines.push(`add rule ip ${table} ${chain} jump mark-for-masquerade`)
    const choices = endpointChains.map((to, index) => `${index} : goto ${to}`).join(', ')
    lines.push(`add rule ip ${table} ${chain} numgen random mod ${endpointChains.length} vmap { ${choices} }`)
  }
  const had = new Set((before === undefined ? [] : clusterFrontends(before)).map(elementKey(before)))
  for (const key of clusterFrontends(after).map(elementKey(after))) {
    if (!had.has(key)) lines.push(`add element ip ${table} service-ips { ${key} : goto ${chain} }`)
  }
  return lines
}

function clusterFrontends({ frontends }: ServiceRoute): Frontend[] {
  return frontends.filter(({ kind }) => kind === 'ClusterIP')
}

function elementKey(route: ServiceRoute | undefined): (frontend: Frontend) => string {
  return ({ address, port }) => `${address} . ${protocolOf(route)} . ${port}`
}

function protocolOf(route: ServiceRoute | undefined): string {
  return (route?.protocol ?? 'TCP').toLowerCase()
}

function serviceChain({ key }: ServiceRoute): string {
  return `service-${plain(key)}`
}

function endpointsByChain(route: ServiceRoute | undefined): Map<string, Endpoint> {
  if (route === undefined) return new Map()
  return new Map(
    route.endpoints.cluster.map((endpoint) => [
      `endpoint-${plain(route.key)}-${plain(`${endpoint.address}-${endpoint.port}`)}`,
      endpoint,
    ]),
  )
}

/** Names of chains are letters, digits and a few signs. Those of a benchmark's Services stay apart. */
function plain(name: string): string {
  return name.replace(/[^a-zA-Z0-9-]/g, '_')
}

/**
 * The layout of kube-proxy's nftables mode: a chain for each Service and one for each endpoint, a verdict map that leads
 * to the Service's chain, and `nft -f` at every change, of what changed only. Balancing, ClusterIPs and masquerade of what
 * is not from a pod: what a benchmark's cluster asks for. Nothing is read back, which upstream does at every sync.
 */
const upstreamNftables = defineDataplane({
  name: 'upstream-nftables',
  capabilities: { families: ['IPv4'], protocols: ['TCP', 'UDP', 'SCTP'], gaps: {} },
  create: ({ networkNamespace }) => ({
    compiler: {
      compile: (change: TableChange): Script => script(change.family, changeLines(change)),
      /** Everything anew, as kube-proxy does at its start. */
      reconcile(_, wanted) {
        const empty = emptyTable(wanted.family, wanted.podSource)
        const lines = [...baseLines(wanted), ...changeLines(fullDifference(empty, wanted))]
        return script(wanted.family, lines)
      },
      print: ({ lines }) => lines.join('\n'),
      trace: () => [],
    },
    kernel: new UpstreamKernel(networkNamespace),
  }),
})

export default upstreamNftables
