import test from 'ava'
import type { BaseChain, NodeState } from '../../node/node-state.ts'
import { nodeFindings } from '../node-findings.ts'

const quiet: NodeState = {
  kubeProxyRules: [],
  kubeProxyProcesses: [],
  interfaces: ['lo', 'eth0', 'cni0'],
  bpfPins: [],
  chains: [],
  forwards: true,
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
  /** `effect kind` */
  readonly told: readonly string[]
}

const rows: readonly Row[] = [
  { claim: 'nothing is told of a node with nothing on it', state: {}, told: [] },
  {
    claim: 'what nobody can tell is not told either',
    state: { chains: undefined, forwards: undefined },
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
  { claim: 'a node that does not forward is told', state: { forwards: false }, told: ['lost no-forwarding'] },
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

for (const { claim, state, dataplanes = ['nftables'], told } of rows)
  test(claim, (t) => {
    const found = nodeFindings({ ...quiet, ...state }, dataplanes)
    t.deepEqual(
      found.map(({ effect, kind }) => `${effect} ${kind}`),
      told,
    )
    for (const { what, why, fix } of found) t.true(what !== '' && why !== '' && fix !== '')
  })
