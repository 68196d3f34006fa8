import { type DrainReport, type IpFamily, ipFamilies } from '@portolan/core'
import { countConnectionsOfIpvs, Ipset } from '@portolan/native/netfilter'
import type { SystemCommand } from '@portolan/native/system-command'
import { handoverRules } from '../layout/handover-rules.ts'
import { restoreScript } from '../layout/iptables-script.ts'
import { kernelName, namePrefix, type SetName, sets } from '../layout/sets.ts'
import type { Iptables } from './iptables.ts'
import type { Transport } from './transport.ts'

/** Our sets: they come before the first rule that names them and go after the last one, so nothing of ours is without. */
export async function ourSetNames(command: SystemCommand): Promise<readonly string[]> {
  return (await new Ipset(command).names()).filter((name) => name.startsWith(namePrefix))
}

/**
 * Leads no new connection to IPVS any more, and refuses none. Virtual servers stay as they are, with what leads the packets
 * of a connection that IPVS has begun. Clients of UDP that keep their port are the other dataplane's from their next
 * datagram on.
 */
export async function drain(
  transport: Transport,
  iptables: Iptables,
  command: SystemCommand,
  notify: (notice: string) => void,
): Promise<DrainReport> {
  const there = new Set(await ourSetNames(command))
  let connections = 0
  for (const family of ipFamilies) {
    if (!there.has(kernelName(family, 'SERVED'))) continue
    // What it has, whoever has put it there since, is still to be given away.
    if (await isServing(family, transport))
      await handOver(family, there, transport, iptables, command, notify)
    // Only then: what is led to IPVS still needs what these say.
    await new Ipset(command).restore(
      sets
        .map(({ name }) => name)
        .filter((name) => !kept.includes(name) && there.has(kernelName(family, name)))
        .map((name) => `flush ${kernelName(family, name)}`),
    )
    connections += await countConnectionsOfIpvs(family, command.networkNamespace)
  }
  return { connections }
}

/** Sets that established connections need, or the hand-over. */
const kept: readonly SetName[] = ['SERVED', 'HANDED-OVER', 'HAIRPIN']

async function isServing(family: IpFamily, transport: Transport): Promise<boolean> {
  const count = await transport.countElements(family, 'SERVED')
  if (count !== undefined) return count > 0
  return ((await transport.readSets(family)).get('SERVED') ?? []).length > 0
}

async function handOver(
  family: IpFamily,
  there: ReadonlySet<string>,
  transport: Transport,
  iptables: Iptables,
  command: SystemCommand,
  notify: (notice: string) => void,
): Promise<void> {
  const [served, handedOver] = [kernelName(family, 'SERVED'), kernelName(family, 'HANDED-OVER')]
  // A build before this one has made none.
  if (!there.has(handedOver)) await transport.createSet(family, 'HANDED-OVER')
  const rules = handoverRules(family)
  try {
    await iptables.restore(family, restoreScript(rules, (await iptables.read(family)).get(rules.table)))
  } catch (error) {
    // A kernel without zones of connection tracking. All else can be handed over.
    const why = error instanceof Error ? error.message : String(error)
    notify(
      `${family}: clients of UDP that keep their port stay with IPVS until it is removed, and lose what is under way then: ${why}`,
    )
  }
  await new Ipset(command).restore([`flush ${handedOver}`, `swap ${served} ${handedOver}`])
}
