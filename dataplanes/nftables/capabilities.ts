import type { Capabilities } from '@portolan/core'

export const capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP', 'SCTP'],
  // Reject in prerouting, set comments, and the set back end all stand from here on.
  kernel: '5.13',
  connections: 'conntrack',
  gaps: {
    localhostNodePorts: 'TCP alone, forwarded by Portolan itself, whose connections end with the process',
    localhostNodePortsIPv6: 'TCP alone, forwarded by Portolan itself, whose connections end with the process',
  },
} as const satisfies Capabilities
