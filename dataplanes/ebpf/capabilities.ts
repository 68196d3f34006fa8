import type { Capabilities } from '@portolan/core'

export const capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP'],
  // bpf_set_retval, connect hooks for ping sockets, and all helpers used are there from here on.
  kernel: '6.1',
  gaps: {
    sharedPortsAtOnce:
      'a socket that connects to a ClusterIP is connected to the endpoint itself, so its port cannot be connected to that endpoint a second time, for TCP until a minute after it was closed; a socket of the node that waits for answers of both takes all for those of whom it has asked last',
    atomicChange:
      'destinations change one after the other, each at once; an apply that fails midway leaves some of them new until it is tried again',
  },
} as const satisfies Capabilities
