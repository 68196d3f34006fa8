import { setTimeout as sleep } from 'node:timers/promises'
import { addressBytes } from '@portolan/core'
import { inNamespace, readProc } from '@portolan/native'
import type { Destination } from '../layout/element.ts'

/** Milliseconds: the kernel ends them a moment after their destination has gone, in the background. Each look doubles it. */
const firstPause = 20
const patience = 5000

/**
 * Resolves when IPVS has forgotten all flows of UDP to these virtual servers, which aren't there any more, or doesn't seem to:
 * kernels before 5.9 forget each in its own time. With a flow it forgets the entry of connection tracking that has the
 * same addresses and ports, whoever has made that.
 */
export async function untilFlowsForgotten(
  servers: readonly Destination[],
  networkNamespace: string | undefined,
): Promise<void> {
  const virtual = new Set(servers.filter(({ protocol }) => protocol === 'UDP').map(listed))
  if (virtual.size === 0) return
  const end = performance.now() + patience
  for (let pause = firstPause; performance.now() < end && hasFlow(virtual, networkNamespace); pause *= 2)
    await sleep(pause)
}

function hasFlow(virtual: ReadonlySet<string>, networkNamespace: string | undefined): boolean {
  const text = inNamespace(networkNamespace, () => readProc('/proc/thread-self/net/ip_vs_conn')) ?? ''
  for (const line of text.split('\n')) {
    const [protocol, , , address, port] = line.split(/\s+/, 5)
    if (protocol === 'UDP' && virtual.has(`${address} ${port}`)) return true
  }
  return false
}

/** As `/proc/net/ip_vs_conn` has it: `0A600035 0035`, `fd00:0010:0096:0000:0000:0000:0000:0053 0035`. */
function listed({ address, port }: Destination): string {
  const hex = Buffer.from(addressBytes(address)).toString('hex')
  const text = hex.length === 8 ? hex.toUpperCase() : (hex.match(/.{4}/g) ?? []).join(':')
  return `${text} ${port.toString(16).toUpperCase().padStart(4, '0')}`
}
