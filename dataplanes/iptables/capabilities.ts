import type { Capabilities } from '@portolan/core'

export const capabilities: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP', 'SCTP'],
  connections: 'conntrack',
  gaps: {
    localhostNodePortsIPv6:
      'the kernel has no route_localnet for ::1: TCP alone, forwarded by Portolan itself, whose connections end with the process',
  },
}
