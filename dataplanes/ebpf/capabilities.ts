import type { Capabilities } from '@portolan/core'

export const capabilities: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP'],
  gaps: {
    localhostNodePorts: 'NodePorts do not answer at 127.0.0.1',
    atomicChange:
      'each route changes all at once, but a change of several routes shows to packets one route after the other',
  },
}
