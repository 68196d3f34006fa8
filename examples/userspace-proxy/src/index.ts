import { defineDataplane } from '@portolan/core'
import { proxyKernel } from './kernel.ts'
import { compile, print, reconcile, trace } from './program.ts'

/** A proxy of TCP and UDP in user space: sockets do the balancing, and the kernel holds nothing but routes. */
export default defineDataplane({
  name: 'userspace-proxy',
  capabilities: {
    families: ['IPv4'],
    protocols: ['TCP', 'UDP'],
    gaps: {
      clientAddress: 'endpoints see the node, whoever asks',
      outlivesProcess: 'while no process runs new connections are refused, and established ones end with it',
      podsByInterface: 'a socket tells addresses alone, so pods have to be told by the cluster CIDR',
      rejectPing: 'the node answers ping to a ClusterIP, which is local to it',
      dropConnections: 'a connection is refused, or accepted and reset',
      cleanChanges: 'what is accepted just before a change is reset, and datagrams are lost',
      ephemeralPorts: 'each flow of UDP has a port of the node, until 30 s after its last datagram',
      atomicChange: 'sockets open and close one after the other',
      localPorts: 'the port of a Service at an address of the node is taken',
      externalAddresses: 'external IPs and load balancer addresses are left alone',
    },
  },
  create({ networkNamespace, suspectDrift }) {
    return {
      compiler: { compile, reconcile, print, trace },
      kernel: proxyKernel(networkNamespace, () => suspectDrift('IPv4')),
    }
  },
})
