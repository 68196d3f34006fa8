import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Capabilities, type IpFamily, localhostFamiliesOf } from '@portolan/core'
import { LocalhostForwarding } from '@portolan/core/localhost'
import type { Host } from '@portolan/lab'

/** What the core does on the lab's node where a dataplane can't have NodePorts answer at loopback. */
export function nodeForwarder(
  node: Host,
  families: readonly IpFamily[],
  capabilities: Capabilities,
): LocalhostForwarding {
  const inKernel = localhostFamiliesOf(capabilities)
  const { networkNamespace } = node
  return new LocalhostForwarding({
    families: families.filter((family) => !inKernel.includes(family)),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    startThread: () =>
      new Worker(new URL(`./node-forwarder-worker${extname(import.meta.url)}`, import.meta.url), {
        workerData: { networkNamespace },
        execArgv: [],
      }),
  })
}
