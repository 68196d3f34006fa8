import type { Registry } from 'prom-client'
import type { ForwardingCounts } from '../localhost/forwarding-messages.ts'
import { ipFamilies } from '../network/address.ts'
import { readMetric } from './read-metrics.ts'

/** What is forwarded at loopback (KEP-6032). `counts`: absent where nothing is. Names of kube-proxy's with any dataplane. */
export function addLocalhostMetrics(registry: Registry, counts: () => ForwardingCounts | undefined): void {
  const byFamily = (name: 'listening' | 'listenFailures') => () =>
    ipFamilies.map((family) => [{ ip_family: family }, counts()?.[name][family] ?? 0] as const)
  const alone = (name: 'connections' | 'refused' | 'unreachable') => () =>
    [[{}, counts()?.[name] ?? 0]] as const
  readMetric({
    registry,
    type: 'gauge',
    name: 'kubeproxy_nftables_localhost_nodeport_listeners',
    help: 'NodePorts that are forwarded at loopback now.',
    labels: ['ip_family'],
    read: byFamily('listening'),
  })
  readMetric({
    registry,
    type: 'counter',
    name: 'kubeproxy_nftables_localhost_nodeport_listener_creation_failures_total',
    help: 'Attempts to listen at loopback for a NodePort that failed.',
    labels: ['ip_family'],
    read: byFamily('listenFailures'),
  })
  readMetric({
    registry,
    type: 'gauge',
    name: 'portolan_localhost_connections',
    help: 'Connections to NodePorts at loopback that are relayed now.',
    labels: [],
    read: alone('connections'),
  })
  readMetric({
    registry,
    type: 'counter',
    name: 'portolan_localhost_refused_total',
    help: 'Connections to NodePorts at loopback that were refused because too many are relayed.',
    labels: [],
    read: alone('refused'),
  })
  readMetric({
    registry,
    type: 'counter',
    name: 'portolan_localhost_unreachable_total',
    help: 'Connections to NodePorts at loopback whose endpoint could not be reached.',
    labels: [],
    read: alone('unreachable'),
  })
}
