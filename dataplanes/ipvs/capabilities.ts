import type { Capabilities } from '@portolan/core'

export const capabilities: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP', 'SCTP'],
  gaps: {
    affinityTimeout:
      'a client keeps its endpoint past the timeout for as long as IPVS remembers a connection of it: a closed one of TCP for two minutes, a flow of UDP for five',
    affinityAcrossFrontends:
      'IPVS keeps persistence for each virtual server: a client has an endpoint for each address and port of a Service',
    localhostNodePorts:
      'IPVS sends nothing from loopback to another host: TCP alone, forwarded by Portolan itself, whose connections end with the process',
    localhostNodePortsIPv6:
      'IPVS sends nothing from loopback to another host: TCP alone, forwarded by Portolan itself, whose connections end with the process',
    sharedPorts:
      'IPVS knows a connection by client, client port and endpoint: for as long as it remembers one (10 s after a reset, two minutes after a close, five of UDP), answers that the endpoint sends to this port past the Service get the address of the Service',
    sharedPortsAtOnce:
      'IPVS knows a connection by client, client port and endpoint, so two at the same time are one to it',
    localPorts:
      "IPVS takes answers to the node's own clients for new connections where the local port is a NodePort, or a Service's at an address of the node: keep both out of net.ipv4.ip_local_port_range, and servers of the node off them",
    largeDatagramsOfNode:
      'a datagram of the node to one of its own addresses is not fragmented before IPVS sends it on: EMSGSIZE to a connected socket, silence to another',
    atomicChange: 'virtual servers change one after the other: a packet may be dropped, and is sent again',
  },
}
