import { parseCidr } from '../network/address.ts'
import type { Fields } from './field.ts'
import { choice, cidrs, duration, flag, integer, interfaceName, list, name } from './field-kind.ts'
import { isNodePortRange } from './node-port-ranges.ts'

const second = 1000
const hour = 3600 * second
const wait = {
  differs:
    'not set, or 0 in a file, means no wait: a change is applied at once, where kube-proxy waits for 1s',
  of: (value: unknown) => value === 0,
}
const upTo = duration({ max: hour }, '1s')
const above = duration({ min: 1 })
const always = duration()
const bit = integer(0, 31)
const masqueradeBit = 'bit of the packet mark that asks for masquerade'
const masqueradeAll = 'masquerade everything that goes to a ClusterIP'
const syncPeriod = 'twice this long a change may wait for its apply until /healthz says so'
const minSyncPeriod = 'least time between two applies'
const retry = {
  differs:
    'nothing is applied anew at intervals, and a failed apply is tried again after 0.1 s, doubling to 30 s',
}
const ipvsTimeout = {
  differs: 'rounded up to whole seconds, which is what the kernel takes',
  of: (value: unknown) => Number(value) % second > 0,
}
const cidrList = list('CIDRs', 'a CIDR, such as 192.0.2.0/24', (item) => parseCidr(item) !== undefined)

/** The fields of KubeProxyConfiguration that decide what becomes of Services. */
export const serviceFields = {
  mode: {
    kind: choice(['', 'iptables', 'ipvs', 'nftables', 'ebpf']),
    standard: '',
    means:
      'what the settings mean, and what programs the kernel unless a dataplane is named: iptables, ipvs, nftables or ebpf; empty: iptables in a KubeProxyConfiguration, else nftables',
    standing: { differs: "ebpf is Portolan's own", of: (value) => value === 'ebpf' },
  },
  'iptables.masqueradeBit': { kind: bit, standard: 14, means: masqueradeBit },
  'iptables.masqueradeAll': { kind: flag, standard: false, means: masqueradeAll },
  'iptables.localhostNodePorts': {
    kind: flag,
    standard: true,
    means: 'NodePorts at 127.0.0.1, with iptables',
  },
  'iptables.syncPeriod': {
    kind: above,
    standard: 30 * second,
    means: syncPeriod,
    standing: retry,
    emptyIsStandard: true,
  },
  'iptables.minSyncPeriod': { kind: upTo, standard: 0, means: minSyncPeriod, standing: wait },
  'ipvs.syncPeriod': {
    kind: above,
    standard: 30 * second,
    means: syncPeriod,
    standing: retry,
    emptyIsStandard: true,
  },
  'ipvs.minSyncPeriod': { kind: upTo, standard: 0, means: minSyncPeriod },
  'ipvs.scheduler': { kind: name, standard: '', means: 'how IPVS chooses an endpoint; empty: rr' },
  'ipvs.excludeCIDRs': {
    kind: cidrList,
    standard: [],
    means: 'virtual servers at these addresses are left alone',
  },
  'ipvs.strictARP': {
    kind: flag,
    standard: false,
    means: 'no ARP answers for addresses of Services',
    standing: { ignored: 'it is always so: no address of a Service is on an interface' },
  },
  'ipvs.tcpTimeout': {
    kind: always,
    standard: 0,
    means: 'until idle TCP connections expire; 0: left as it is',
    standing: ipvsTimeout,
  },
  'ipvs.tcpFinTimeout': {
    kind: always,
    standard: 0,
    means: 'until closed TCP connections expire; 0: left as it is',
    standing: ipvsTimeout,
  },
  'ipvs.udpTimeout': {
    kind: always,
    standard: 0,
    means: 'until UDP connections expire; 0: left as it is',
    standing: ipvsTimeout,
  },
  'nftables.masqueradeBit': { kind: bit, standard: 14, means: masqueradeBit },
  'nftables.masqueradeAll': { kind: flag, standard: false, means: masqueradeAll },
  'nftables.syncPeriod': {
    kind: above,
    standard: 30 * second,
    means: syncPeriod,
    standing: retry,
    emptyIsStandard: true,
  },
  'nftables.minSyncPeriod': { kind: upTo, standard: 0, means: minSyncPeriod, standing: wait },
  detectLocalMode: {
    kind: choice(['', 'ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix']),
    standard: '',
    means: 'how local pods are told from other clients; empty: ClusterCIDR',
    standing: {
      differs: "NodeCIDR waits for the Node's podCIDRs as long as it takes, and says so",
      of: (value) => value === 'NodeCIDR',
    },
  },
  'detectLocal.bridgeInterface': {
    kind: interfaceName,
    standard: '',
    means: "the pods' bridge, in mode BridgeInterface",
  },
  'detectLocal.interfaceNamePrefix': {
    kind: interfaceName,
    standard: '',
    means: "what names of pods' interfaces begin with, in mode InterfaceNamePrefix",
  },
  clusterCIDR: {
    kind: cidrs,
    standard: '',
    means: 'ranges of pod addresses: one CIDR, or one of each family',
  },
  nodePortAddresses: {
    kind: list(
      'CIDRs, words',
      "a CIDR, such as 192.0.2.0/24, or one of 'primary', 'localhost', 'all', each once",
      isNodePortRange,
    ),
    standard: [],
    means:
      'node addresses where NodePorts answer: CIDRs, primary, localhost, all; empty: all in modes iptables and ipvs, else primary',
    standing: {
      differs:
        'with primary, a family in which the node has no address has no NodePorts, rather than at all addresses',
      of: (value) => Array.isArray(value) && value.includes('primary'),
    },
  },
} as const satisfies Fields
