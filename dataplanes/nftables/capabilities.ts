import type { Capabilities } from '@portolan/core'

export const capabilities: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP', 'SCTP'],
  gaps: {
    localhostNodePorts: 'NodePorts do not answer at 127.0.0.1',
    localhostNodePortsIPv6: 'NodePorts do not answer at ::1',
  },
}
