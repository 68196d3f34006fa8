import { families, network, podAddress } from './network.ts'

/**
 * How local pods are attached, which decides what a dataplane sees as their input interface.
 * `bridge`: all on the bridge `cbr0`, as with the bridge plugin. `routed`: each on a routed veth of its own,
 * `podveth0`, `podveth1`, ..., as with Calico.
 */
export type PodNetwork = 'bridge' | 'routed'

export const podBridge = 'cbr0'
export const podInterfacePrefix = 'podveth'

/** The hosts of a lab besides its pods. */
export const fixedHosts = ['node', 'remote', 'outside', 'internet'] as const

export type FixedHost = (typeof fixedHosts)[number]
export type HostName = FixedHost | `pod${number}`

/** `ip -batch` lines that lay the cables; `namespaceOf` names each host's namespace. */
export function cables(pods: number, namespaceOf: (host: HostName) => string): string[] {
  const node = namespaceOf('node')
  const veth = (name: string, host: HostName) =>
    `link add ${name} netns ${node} type veth peer name eth0 netns ${namespaceOf(host)}`
  return [
    veth('eth0', 'outside'),
    veth('eth1', 'remote'),
    veth('eth2', 'internet'),
    ...podIndexes(pods).map((index) => veth(`${podInterfacePrefix}${index}`, `pod${index}`)),
  ]
}

/** `ip -batch` lines for inside one host's namespace: addresses, links, routes. */
export function configuration(host: HostName, pods: number, podNetwork: PodNetwork): string[] {
  return ['link set lo up', ...(host === 'node' ? node(pods, podNetwork) : leaf(host))]
}

function node(pods: number, podNetwork: PodNetwork): string[] {
  return [
    ...(podNetwork === 'bridge' ? podsOnBridge(pods) : podsRouted(pods)),
    ...['eth0', 'eth1', 'eth2'].map((link) => `link set ${link} up`),
    ...families.flatMap((family) => {
      const { node, linkPrefix, remote, remotePodCidr, internet, everything } = network[family]
      return [
        address(`${node.uplink}/${linkPrefix}`, 'eth0'),
        address(`${node.remote}/${linkPrefix}`, 'eth1'),
        address(`${node.internet}/${linkPrefix}`, 'eth2'),
        `route add ${remotePodCidr} via ${remote}`,
        `route add ${everything} via ${internet}`,
      ]
    }),
  ]
}

/**
 * The pods have host addresses only, so what one says to another goes through the node's IP layer and is translated
 * back there. With the pod CIDR on link, replies to a translated connection would cross the bridge past it, and netfilter
 * would need br_netfilter. (What eBPF does there is tested by dataplanes/ebpf/test/bridged-pods.test.ts.)
 */
function podsOnBridge(pods: number): string[] {
  return [
    `link add ${podBridge} address 02:00:00:00:00:01 type bridge forward_delay 0 stp_state 0 mcast_snooping 0`,
    `link set ${podBridge} up`,
    ...families.map((family) => {
      const { podGateway, linkPrefix } = network[family]
      return address(`${podGateway}/${linkPrefix}`, podBridge)
    }),
    ...podIndexes(pods).map((index) => `link set ${podInterfacePrefix}${index} master ${podBridge} up`),
  ]
}

function podsRouted(pods: number): string[] {
  return podIndexes(pods).flatMap((index) => {
    const link = `${podInterfacePrefix}${index}`
    return [
      `link set ${link} up`,
      ...families.flatMap((family) => {
        const { podGateway, hostPrefix } = network[family]
        return [
          address(`${podGateway}/${hostPrefix}`, link),
          `route add ${podAddress(family, index)}/${hostPrefix} dev ${link}`,
        ]
      }),
    ]
  })
}

function leaf(host: Exclude<HostName, 'node'>): string[] {
  return [
    'link set eth0 up',
    ...families.flatMap((family) => {
      const { node, linkPrefix, hostPrefix, podGateway, remotePodCidr, labCidrs, everything } =
        network[family]
      switch (host) {
        case 'outside':
          return [
            address(`${network[family].outside}/${linkPrefix}`, 'eth0'),
            `route add ${everything} via ${node.uplink}`,
          ]
        case 'remote':
          // All of its pods answer in this one namespace, and reach everything through the node, so that the
          // replies to connections that were not masqueraded take the way back.
          return [
            address(`${network[family].remote}/${linkPrefix}`, 'eth0'),
            `route add local ${remotePodCidr} dev lo`,
            `route add ${everything} via ${node.remote}`,
          ]
        case 'internet':
          // It takes every packet that leaves the lab for its own, so what leaks out un-translated is answered.
          return [
            address(`${network[family].internet}/${linkPrefix}`, 'eth0'),
            ...labCidrs.map((cidr) => `route add ${cidr} via ${node.internet}`),
            `route add local ${everything} dev lo table main`,
          ]
        default:
          return [
            address(`${podAddress(family, Number(host.slice('pod'.length)))}/${hostPrefix}`, 'eth0'),
            `route add ${podGateway}/${hostPrefix} dev eth0`,
            `route add ${everything} via ${podGateway}`,
          ]
      }
    }),
  ]
}

/** Without duplicate address detection, which keeps an IPv6 address unusable for a second. */
function address(cidr: string, link: string): string {
  return `address add ${cidr} dev ${link}${cidr.includes(':') ? ' nodad' : ''}`
}

function podIndexes(pods: number): number[] {
  return Array.from({ length: pods }, (_, index) => index)
}
