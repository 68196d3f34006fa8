import type { Capabilities } from '@portolan/core'

export const capabilities: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP', 'SCTP'],
  gaps: {
    localhostNodePorts: 'TCP alone, forwarded by Portolan itself, whose connections end with the process',
    localhostNodePortsIPv6: 'TCP alone, forwarded by Portolan itself, whose connections end with the process',
  },
}
