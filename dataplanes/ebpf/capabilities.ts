import type { Capabilities } from '@portolan/core'

export const capabilities: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP'],
  gaps: {
    localhostNodePorts: 'NodePorts do not answer at 127.0.0.1',
    atomicChange:
      'destinations change one after the other, each at once; an apply that fails midway leaves some of them new until it is tried again',
  },
}
