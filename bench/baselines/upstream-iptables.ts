import { createHash } from 'node:crypto'
import {
  type ApplyReport,
  type CleanupReport,
  type CompiledProgram,
  defineDataplane,
  type Endpoint,
  type IpFamily,
  type Kernel,
  type ProbeReport,
  type RouteChange,
  type RoutingTable,
  type ServiceRoute,
  type TableChange,
} from '@portolan/core'
import { SystemCommand } from '@portolan/native/system-command'

/** Lines for `iptables-restore --noflush`. */
type Lines = readonly string[]

interface Script extends CompiledProgram {
  readonly lines: Lines
}

const script = (family: IpFamily, lines: Lines): Script => ({
  family,
  lines,
  operations: lines.length,
  findings: [],
  degraded: [],
})

class UpstreamKernel implements Kernel<Script, undefined> {
  readonly #iptables: string
  readonly #command: SystemCommand

  constructor(networkNamespace: string | undefined, variant: string | undefined) {
    this.#iptables = variant === undefined ? 'iptables' : `iptables-${variant}`
    this.#command = new SystemCommand(networkNamespace)
  }

  async probe(): Promise<ProbeReport> {
    try {
      const told = await this.#command.run(this.#iptables, ['--version'])
      const version = /v([\d.]+)/.exec(told)?.[1] ?? told
      const facts = { iptables: version, variant: told.includes('nf_tables') ? 'nft' : 'legacy' }
      return { usable: true, problems: [], facts }
    } catch {
      const problem = { what: 'iptables is not installed', fix: 'install the package iptables' }
      return { usable: false, problems: [problem], facts: {} }
    }
  }

  async observe(): Promise<undefined> {}

  async isUnchanged(): Promise<boolean> {
    return true
  }

  async apply({ lines }: Script): Promise<ApplyReport> {
    const text = `${lines.join('\n')}\n`
    if (lines.length > 0) await this.#restore(text)
    return { bytes: text.length }
  }

  async cleanup(): Promise<CleanupReport> {
    const rules = (await this.#command.run(this.#iptables, ['--table', 'nat', '--list-rules'])).split('\n')
    const chains = rules.filter((rule) => rule.startsWith('-N KUBE-')).map((rule) => rule.slice('-N '.length))
    const jumps = rules
      .filter((rule) => /^-A (?!KUBE-).* -j KUBE-/.test(rule))
      .map((rule) => rule.replace('-A', '-D'))
    if (chains.length === 0) return { removed: [] }
    const emptied = chains.map((chain) => `:${chain} - [0:0]`)
    const lines = ['*nat', ...emptied, ...jumps, ...chains.map((chain) => `-X ${chain}`), 'COMMIT', '']
    await this.#restore(lines.join('\n'))
    return { removed: [`${chains.length} chains`] }
  }

  async #restore(text: string): Promise<void> {
    await this.#command.run(`${this.#iptables}-restore`, ['--wait', '5', '--noflush'], text)
  }
}

function restored(table: RoutingTable, routes: readonly RouteChange[], base: Lines = []): string[] {
  const chains = ['KUBE-SERVICES']
  const rules: string[] = []
  const deleted: string[] = []
  for (const { before, after } of routes) {
    const was = before === undefined ? [] : chainsOf(before)
    const is = after === undefined ? [] : chainsOf(after)
    const left = was.filter((chain) => !is.includes(chain))
    chains.push(...is, ...left)
    deleted.push(...left.map((chain) => `-X ${chain}`))
    if (after !== undefined) rules.push(...serviceRules(after, table))
  }
  const portals = [...table.routes.values()].flatMap(portalRules)
  const declared = [...(base.length === 0 ? [] : baseChains), ...chains].map((chain) => `:${chain} - [0:0]`)
  return ['*nat', ...declared, ...base, ...portals, ...rules, ...deleted, 'COMMIT']
}

const baseChains = ['KUBE-POSTROUTING', 'KUBE-MARK-MASQ']

function baseRules(mark: string): string[] {
  return [
    `-A KUBE-MARK-MASQ -j MARK --or-mark ${mark}`,
    `-A KUBE-POSTROUTING -m mark ! --mark ${mark}/${mark} -j RETURN`,
    `-A KUBE-POSTROUTING -j MARK --xor-mark ${mark}`,
    '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
    '-A PREROUTING -j KUBE-SERVICES',
    '-A OUTPUT -j KUBE-SERVICES',
    '-A POSTROUTING -j KUBE-POSTROUTING',
  ]
}

function portalRules(route: ServiceRoute): string[] {
  const protocol = route.protocol.toLowerCase()
  return clusterFrontends(route).map(
    ({ address, port }) =>
      `-A KUBE-SERVICES -d ${address} -p ${protocol} -m ${protocol} --dport ${port} -m comment --comment "${route.name} cluster IP" -j ${serviceChain(route)}`,
  )
}

function serviceRules(route: ServiceRoute, { podSource }: RoutingTable): string[] {
  const chain = serviceChain(route)
  const protocol = route.protocol.toLowerCase()
  const endpoints = route.endpoints.cluster
  const fromOutside = podSource.by === 'cidr' ? `! -s ${podSource.cidr} ` : ''
  const marks = clusterFrontends(route).map(
    ({ address, port }) =>
      `-A ${chain} ${fromOutside}-d ${address} -p ${protocol} -m ${protocol} --dport ${port} -j KUBE-MARK-MASQ`,
  )
  const choices = endpoints.map((endpoint, index) => {
    const left = endpoints.length - index
    const chance = left > 1 ? `-m statistic --mode random --probability ${(1 / left).toFixed(10)} ` : ''
    return `-A ${chain} ${chance}-j ${endpointChain(route, endpoint)}`
  })
  const translations = endpoints.flatMap((endpoint) => {
    const own = endpointChain(route, endpoint)
    const to = `${endpoint.address}:${endpoint.port}`
    return [
      `-A ${own} -s ${endpoint.address} -j KUBE-MARK-MASQ`,
      `-A ${own} -p ${protocol} -m ${protocol} -j DNAT --to-destination ${to}`,
    ]
  })
  return [...marks, ...choices, ...translations]
}

function clusterFrontends({ frontends }: ServiceRoute) {
  return frontends.filter(({ kind }) => kind === 'ClusterIP')
}

function chainsOf(route: ServiceRoute): string[] {
  return [serviceChain(route), ...route.endpoints.cluster.map((endpoint) => endpointChain(route, endpoint))]
}

function serviceChain({ key }: ServiceRoute): string {
  return `KUBE-SVC-${hash(key)}`
}

function endpointChain({ key }: ServiceRoute, { address, port }: Endpoint): string {
  return `KUBE-SEP-${hash(`${key}|${address}|${port}`)}`
}

/** Names of chains have 28 characters at most. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16).toUpperCase()
}

/**
 * The layout of kube-proxy's iptables mode: one chain with a rule for each Service, a chain for each Service with a rule
 * for each endpoint, a chain for each endpoint; and of it what kube-proxy sends for a change, which is the one chain
 * whole and what changed of the others. ClusterIPs alone, which is what a benchmark's cluster has.
 */
const upstreamIptables = defineDataplane({
  name: 'upstream-iptables',
  capabilities: { families: ['IPv4'], protocols: ['TCP', 'UDP', 'SCTP'], gaps: {} },
  settings: {
    variant: {
      type: 'choice',
      choices: ['legacy', 'nft'],
      description: 'which iptables programs to use; without it, what the system calls iptables',
    },
  },
  create({ masqueradeBit, networkNamespace, settings }) {
    const mark = `0x${(2 ** masqueradeBit).toString(16)}`
    return {
      compiler: {
        compile: ({ family, table, routes }: TableChange): Script =>
          script(family, routes.length === 0 ? [] : restored(table, routes)),
        /** Everything anew, as kube-proxy does at its start. */
        reconcile(_, table) {
          const routes = [...table.routes.values()].map((after) => ({ key: after.key, after }))
          return script(table.family, restored(table, routes, baseRules(mark)))
        },
        print: ({ lines }) => lines.join('\n'),
        trace: () => [],
      },
      kernel: new UpstreamKernel(networkNamespace, settings.variant),
    }
  },
})

export default upstreamIptables
