import type { Capabilities } from '@portolan/core'

export const capabilities: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP'],
  gaps: {
    atomicChange:
      'each route changes all at once, but a change of several routes shows to packets one route after the other',
  },
}
