import type { Capabilities } from '@portolan/core'

export const capabilities: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP', 'SCTP'],
  gaps: { localhostNodePortsIPv6: 'NodePorts do not answer at ::1: the kernel has no route_localnet for it' },
}
