import type { BaseChain, NodeState } from '../node/node-state.ts'
import { type Finding, Findings } from './finding.ts'

/** Programs that translate Services themselves, by what they leave on a node. */
const proxies: readonly {
  readonly name: string
  readonly interfaces: RegExp
  readonly pins: RegExp
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
]

/** From here on a packet has been translated by whoever comes before kube-proxy's place. */
const dstnat = -100

/**
 * What on a node keeps Services from working as asked, or is to be done before the start. What everybody has is left out.
 *
 * @param dataplanes that are asked about
 */
export function nodeFindings(state: NodeState, dataplanes: readonly string[]): readonly Finding[] {
  const findings = new Findings()
  tellOfProxies(state, findings)
  if (state.forwards === false)
    findings.add({
      kind: 'no-forwarding',
      effect: 'lost',
      what: 'net.ipv4.ip_forward is 0',
      why: 'what goes to endpoints on other nodes, or comes from pods, is not passed on (the dataplane ipvs sets it)',
      fix: 'sysctl -w net.ipv4.ip_forward=1, and keep it in /etc/sysctl.d',
    })
  const { chains = [] } = state
  const closed = chains.filter(({ hook, policy }) => hook === 'forward' && policy === 'drop')
  if (closed.length > 0 && dataplanes.some((name) => name !== 'iptables'))
    findings.add({
      kind: 'forward-drop',
      effect: 'changed',
      what: `the policy for forwarded packets is drop: ${closed.map(describe).join(', ')}`,
      why: 'kube-proxy in the modes iptables and IPVS accepts what it has translated, as does the dataplane iptables; the others leave filtering to filters',
      fix: "accept traffic of pods there, as most networks of pods do, or take the dataplane iptables; 'nft list chain' shows the rules",
    })
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
  for (const { name, interfaces, pins, off } of proxies) {
    const found = [
      ...state.interfaces.filter((one) => interfaces.test(one)).map((one) => `interface ${one}`),
      ...state.bpfPins.filter((one) => pins.test(one)).map((one) => `map ${one}`),
    ]
    if (found.length === 0) continue
    findings.add({
      kind: 'other-proxy',
      effect: 'changed',
      what: `${name} is on this node: ${found.slice(0, 3).join(', ')}`,
      why: 'it can serve Services itself, before the rules of any kube-proxy',
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
