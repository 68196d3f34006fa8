import type { Capabilities } from '@portolan/core'

export const capabilities: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP', 'SCTP'],
  gaps: {
    affinityTimeout:
      'a client keeps its endpoint past the timeout for as long as IPVS remembers a connection of it: a closed one of TCP for two minutes, a flow of UDP for five',
    affinityAcrossFrontends:
      'IPVS keeps persistence for each virtual server: a client has an endpoint for each address and port of a Service',
    localhostNodePorts: 'IPVS sends nothing from 127.0.0.1 to another host',
    atomicChange: 'virtual servers change one after the other: a packet may be dropped, and is sent again',
  },
}
