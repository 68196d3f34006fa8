import test from 'ava'
import type { IpFamily } from '../../network/address.ts'
import type { BaseChain, NodeState } from '../../node/node-state.ts'
import { nodeFindings } from '../node-findings.ts'

const quiet: NodeState = {
  kubeProxyRules: [],
  kubeProxyUnknown: [],
  kubeProxyProcesses: [],
  interfaces: ['lo', 'eth0', 'cni0'],
  bpfPins: [],
  chains: [],
  legacyForwardDrops: [],
  forwards: { IPv4: true, IPv6: true },
}

const chain = (overrides: Partial<BaseChain>): BaseChain => ({
  family: 'ip',
  table: 'filter',
  name: 'FORWARD',
  type: 'filter',
  hook: 'forward',
  priority: 0,
  policy: 'accept',
  ...overrides,
})

interface Row {
  readonly claim: string
  readonly state: Partial<NodeState>
  readonly dataplanes?: readonly string[]
  readonly families?: readonly IpFamily[]
  /** `effect kind` */
  readonly told: readonly string[]
}

const rows: readonly Row[] = [
  { claim: 'nothing is told of a node with nothing on it', state: {}, told: [] },
  {
    claim: 'what nobody can tell is not told either',
    state: {
      chains: undefined,
      legacyForwardDrops: undefined,
      forwards: { IPv4: undefined, IPv6: undefined },
    },
    told: [],
  },
  {
    claim: "kube-proxy's rules are to go before the start, and decide nothing",
    state: { kubeProxyRules: ['interface kube-ipvs0'], kubeProxyProcesses: [7] },
    told: ['note kube-proxy'],
  },
  {
    claim: 'Cilium shows by its map',
    state: { bpfPins: ['cilium_lb4_services_v2'] },
    told: ['changed other-proxy'],
  },
  {
    claim: 'Cilium shows by its interface',
    state: { interfaces: ['cilium_host'] },
    told: ['changed other-proxy'],
  },
  { claim: "so does Calico's eBPF", state: { interfaces: ['bpfin.cali'] }, told: ['changed other-proxy'] },
  {
    claim: "Calico's interfaces of pods are no proxy",
    state: { interfaces: ['cali12345678901', 'vxlan.calico'] },
    told: [],
  },
  { claim: 'so does kube-router', state: { interfaces: ['kube-dummy-if'] }, told: ['changed other-proxy'] },
  {
    claim: 'Antrea serves beside any proxy, which is a note',
    state: { interfaces: ['antrea-gw0'] },
    told: ['note other-proxy'],
  },
  {
    claim: 'a node that does not forward is told, and of IPv6 it may mean nothing',
    state: { forwards: { IPv4: false, IPv6: false } },
    told: ['lost no-forwarding', 'note no-forwarding'],
  },
  {
    claim: 'a family that no Service has need not be forwarded',
    state: { forwards: { IPv4: false, IPv6: false } },
    families: ['IPv6'],
    told: ['lost no-forwarding'],
  },
  {
    claim: 'so is one that drops what it forwards',
    state: { chains: [chain({ policy: 'drop' })] },
    told: ['changed forward-drop'],
  },
  {
    claim: 'which the dataplane iptables gets through',
    state: { chains: [chain({ policy: 'drop' })] },
    dataplanes: ['iptables'],
    told: [],
  },
  {
    claim: 'so is one that drops it by iptables-legacy',
    state: { legacyForwardDrops: ['IPv4', 'IPv6'] },
    told: ['changed forward-drop'],
  },
  {
    claim: 'which the dataplane iptables gets through, too',
    state: { legacyForwardDrops: ['IPv4'] },
    dataplanes: ['iptables'],
    told: [],
  },
  {
    claim: 'but not through both at once',
    state: { legacyForwardDrops: ['IPv4'], chains: [chain({ policy: 'drop' })] },
    dataplanes: ['iptables'],
    told: ['changed forward-drop'],
  },
  {
    claim: "nor through another program's chain, where it accepts nothing",
    state: { chains: [chain({ family: 'inet', table: 'mine', policy: 'drop' })] },
    dataplanes: ['iptables'],
    told: ['changed forward-drop'],
  },
  {
    claim: 'a policy of another hook is none of our business',
    state: { chains: [chain({ hook: 'input', policy: 'drop' })] },
    told: [],
  },
  {
    claim: 'firewalld is a note',
    state: { chains: [chain({ family: 'inet', table: 'firewalld', hook: 'input' })] },
    told: ['note firewalld'],
  },
  {
    claim: 'who translates before us is named',
    state: { chains: [chain({ table: 'mine', type: 'nat', hook: 'prerouting', priority: -110 })] },
    told: ['note other-translation'],
  },
  {
    claim: "but not ourselves, kube-proxy, iptables' own tables, or who comes later",
    state: {
      chains: [
        chain({ table: 'portolan', type: 'nat', hook: 'prerouting', priority: -100 }),
        chain({ table: 'kube-proxy', type: 'nat', hook: 'prerouting', priority: -100 }),
        chain({ table: 'nat', type: 'nat', hook: 'prerouting', priority: -100 }),
        chain({ table: 'mine', type: 'nat', hook: 'prerouting', priority: -90 }),
      ],
    },
    told: [],
  },
  {
    claim: 'a Portolan that is at work already is told with its process',
    state: { portolan: { command: 'run', pid: 4711, since: '2026-01-01T00:00:00Z', version: '0.1.0' } },
    told: ['note portolan'],
  },
]

for (const { claim, state, dataplanes = ['nftables'], families, told } of rows)
  test(claim, (t) => {
    const of = families === undefined ? undefined : new Set(families)
    const found = nodeFindings({ ...quiet, ...state }, dataplanes, of)
    t.deepEqual(
      found.map(({ effect, kind }) => `${effect} ${kind}`),
      told,
    )
    for (const { what, why, fix } of found) t.true(what !== '' && why !== '' && fix !== '')
  })
