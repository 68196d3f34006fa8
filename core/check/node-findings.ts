import { type IpFamily, ipFamilies } from '../network/address.ts'
import type { BaseChain, NodeState } from '../node/node-state.ts'
import { type Difference, type Effect, type Finding, Findings } from './finding.ts'

/** Programs that translate Services themselves, by what they leave on a node. */
const proxies: readonly {
  readonly name: string
  readonly interfaces: RegExp
  readonly pins: RegExp
  /** Default `changed`. */
  readonly effect?: Effect
  readonly why?: string
  readonly off: string
}[] = [
  {
    name: 'Cilium',
    interfaces: /^cilium_(host|net)$/,
    pins: /^cilium_lb[46]_services/,
    off: 'set its kubeProxyReplacement to false, or leave Services to it',
  },
  {
    name: "Calico's eBPF dataplane",
    interfaces: /^bpf(in|out)\.cali$/,
    pins: /^cali_v[46]_nat_fe/,
    off: 'set bpfEnabled of its FelixConfiguration to false, or leave Services to it',
  },
  {
    name: "kube-router's service proxy",
    interfaces: /^kube-dummy-if$/,
    pins: /^$/,
    off: 'start it with --run-service-proxy=false, and clean up after it (--cleanup-config)',
  },
  {
    name: 'OVN-Kubernetes',
    interfaces: /^ovn-k8s-mp\d+$/,
    pins: /^$/,
    off: 'leave Services to it: it has no setting that turns them off',
  },
  {
    name: 'Antrea',
    interfaces: /^antrea-gw\d+$/,
    pins: /^$/,
    effect: 'note',
    why: 'its AntreaProxy serves ClusterIPs to pods by itself, beside kube-proxy as beside Portolan; with proxyAll it serves all Services',
    off: 'see that proxyAll of its antrea-agent.conf is false, or leave Services to it',
  },
]

/** From here on a packet has been translated by whoever comes before kube-proxy's place. */
const dstnat = -100

/**
 * What on a node keeps Services from working as asked, or is to be done before the start. What everybody has is left out.
 *
 * @param dataplanes that are asked about
 * @param families that Services have addresses of; absent: no Services were read
 */
export function nodeFindings(
  state: NodeState,
  dataplanes: readonly string[],
  families?: ReadonlySet<IpFamily>,
): readonly Finding[] {
  const findings = new Findings()
  tellOfProxies(state, findings)
  for (const family of ipFamilies)
    if (state.forwards[family] === false && (families === undefined || families.has(family)))
      // A node without IPv6 has it off, so that by itself it is nothing to decide about.
      findings.add(noForwarding(family, families === undefined && family === 'IPv6' ? 'note' : 'lost'))
  const { chains = [] } = state
  tellOfClosedForwarding(state, dataplanes, findings)
  if (chains.some(({ table }) => table === 'firewalld'))
    findings.add({
      kind: 'firewalld',
      effect: 'note',
      what: 'firewalld filters on this node',
      why: 'it refuses forwarded packets, and packets to NodePorts, of interfaces and sources whose zone does not let them in',
      fix: "firewall-cmd --permanent --zone=trusted --add-source=CIDR for the pods' ranges, and --add-port for NodePorts",
    })
  const others = chains.filter(isForeignTranslation)
  if (others.length > 0)
    findings.add({
      kind: 'other-translation',
      effect: 'note',
      what: `others translate destinations before Portolan: ${others.map(describe).join(', ')}`,
      why: 'of two that translate the same packet the first one decides',
      fix: 'see that they have no rule for addresses and ports of Services',
    })
  return findings.list
}

function noForwarding(family: IpFamily, effect: Effect): Difference {
  const name = family === 'IPv4' ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding'
  return {
    kind: 'no-forwarding',
    effect,
    what: `${name} is 0`,
    why:
      family === 'IPv4'
        ? 'what goes to endpoints on other nodes, or comes from pods, is not passed on (the dataplane ipvs sets it)'
        : `what goes to endpoints on other nodes, or comes from pods, is not passed on${effect === 'note' ? ', where Services have addresses of IPv6' : ''}`,
    fix:
      family === 'IPv4'
        ? `sysctl -w ${name}=1, and keep it in /etc/sysctl.d`
        : `sysctl -w ${name}=1, and keep it in /etc/sysctl.d; a node that gets its address by router advertisements needs accept_ra=2 as well`,
  }
}

/** A policy that drops holds whatever other chains accept: only rules in the chain itself are before it. */
function tellOfClosedForwarding(
  { chains = [], legacyForwardDrops = [] }: NodeState,
  dataplanes: readonly string[],
  findings: Findings,
): void {
  const closed = chains.filter(({ hook, policy }) => hook === 'forward' && policy === 'drop')
  const byNft = closed.filter(isOfIptables)
  const closedLegacy = legacyForwardDrops.length > 0
  if (closed.length === 0 && !closedLegacy) return
  // The dataplane iptables accepts in the chain FORWARD of one of the variants.
  const isAcceptedByIptables = byNft.length === closed.length && !(closedLegacy && byNft.length > 0)
  if (isAcceptedByIptables && dataplanes.every((name) => name === 'iptables')) return
  const ofLegacy = legacyForwardDrops.map((family) => `chain FORWARD of iptables-legacy (${family})`)
  findings.add({
    kind: 'forward-drop',
    effect: 'changed',
    what: `the policy for forwarded packets is drop: ${[...closed.map(describe), ...ofLegacy].join(', ')}`,
    why: `kube-proxy in the modes iptables and IPVS accepts what it has translated in its own variant's chain FORWARD, as does the dataplane iptables; ${isAcceptedByIptables ? 'the others leave filtering to filters' : 'what other chains drop, nobody can accept elsewhere'}`,
    fix: `accept traffic of pods there, as most networks of pods do${isAcceptedByIptables ? ', or take the dataplane iptables' : ''}; 'nft list chain'${ofLegacy.length === 0 ? '' : " and 'iptables-legacy -S FORWARD'"} shows the rules`,
  })
}

function isOfIptables({ family, table, name }: BaseChain): boolean {
  return (family === 'ip' || family === 'ip6') && table === 'filter' && name === 'FORWARD'
}

function tellOfProxies(state: NodeState, findings: Findings): void {
  const { kubeProxyRules: rules, kubeProxyProcesses: processes, portolan } = state
  if (rules.length > 0 || processes.length > 0) {
    const runs = processes.length === 0 ? '' : ` (process ${processes.join(', ')})`
    findings.add({
      kind: 'kube-proxy',
      effect: 'note',
      what: `kube-proxy is on this node${runs}${rules.length === 0 ? '' : `: ${rules.join('; ')}`}`,
      why: 'two proxies both translate, and whose rules come first decides',
      fix: "stop it and run 'kube-proxy --cleanup' before Portolan starts here",
    })
  }
  for (const { name, interfaces, pins, effect = 'changed', why, off } of proxies) {
    const found = [
      ...state.interfaces.filter((one) => interfaces.test(one)).map((one) => `interface ${one}`),
      ...state.bpfPins.filter((one) => pins.test(one)).map((one) => `map ${one}`),
    ]
    if (found.length === 0) continue
    findings.add({
      kind: 'other-proxy',
      effect,
      what: `${name} is on this node: ${found.slice(0, 3).join(', ')}`,
      why: why ?? 'it can serve Services itself, before the rules of any kube-proxy',
      fix: off,
    })
  }
  if (portolan === undefined) return
  const which =
    portolan === 'silent'
      ? ''
      : `: portolan ${portolan.command}, process ${portolan.pid}, since ${portolan.since}, version ${portolan.version}`
  findings.add({
    kind: 'portolan',
    effect: 'note',
    what: `Portolan is at work on this node already${which}`,
    why: 'one at a time works on a node',
    fix: "'portolan status' tells how it does",
  })
}

/** Portolan's own, kube-proxy's and the tables of iptables, where networks of pods translate host ports, are left out. */
function isForeignTranslation({ family, table, type, hook, priority }: BaseChain): boolean {
  if (type !== 'nat' || (hook !== 'prerouting' && hook !== 'output') || priority > dstnat) return false
  if (table === 'portolan' || table === 'kube-proxy') return false
  return !(table === 'nat' && (family === 'ip' || family === 'ip6'))
}

function describe({ family, table, name }: BaseChain): string {
  return `chain ${name} of table ${family} ${table}`
}
