import { existsSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { type DrainReport, protocolNumber } from '@portolan/core'
import { BpfMap } from '@portolan/native/libbpf'
import type { MapName } from '../layout/maps.ts'
import { frontendKind, rangeScope, structs } from '../layout/structures.ts'
import { mapDirectoriesOf } from './pins.ts'
import { isSilent } from './stale-connections.ts'

/** Deletions in one turn of the event loop: some milliseconds. */
const deletionsAtOnce = 8192

/** From this state on a TCP connection is over (native/bpf/timeouts.h). */
const closed = 8

/**
 * Has the programs begin no connection any more, by taking away all that a new one could be for, and goes on translating
 * those that there are. A client of UDP that keeps its port has a new flow, which is another dataplane's, from its next
 * datagram on; the answers that are on their way to it are translated still.
 *
 * @param directory of the node's pins
 */
export async function drain(directory: string): Promise<DrainReport> {
  let connections = 0
  for (const maps of mapDirectoriesOf(directory)) {
    // Before what is refused otherwise: a ClusterIP whose frontend is gone already would be dropped as unallocated.
    await deleteKeys(maps, 'ranges', structs.range_key.size, isUnallocated)
    for (const kinds of [[frontendKind.clusterIP], [frontendKind.address, frontendKind.nodePort]])
      await deleteKeys(maps, 'frontends', structs.frontend_key.size, (key) =>
        (kinds as readonly number[]).includes(key[structs.frontend_key.at.kind] ?? -1),
      )
    await deleteKeys(maps, 'flows', structs.flow_key.size, isFromClientOfUdp)
    connections += countConnections(maps)
  }
  return { connections }
}

function isUnallocated(key: Buffer): boolean {
  return key.readUInt32BE(structs.range_key.at.scope) === rangeScope.unallocated
}

function isFromClientOfUdp(key: Buffer, value: Buffer): boolean {
  return isUdp(key) && isOfService(value) && value[structs.flow.at.reply] === 0
}

function isUdp(key: Buffer): boolean {
  return key.readUInt32LE(structs.flow_key.at.protocol) === protocolNumber.UDP
}

function isOfService(value: Buffer): boolean {
  return value.readUInt32LE(structs.flow.at.service) !== 0
}

/** Of TCP, as its clients see them: those that have not been closed, nor silent for too long. */
function countConnections(maps: string): number {
  const now = process.hrtime.bigint()
  let count = 0
  withMap(maps, 'flows', structs.flow_key.size, (map) => {
    for (const { key, value } of map.entries()) {
      const isOne = !isUdp(key) && isOfService(value) && value[structs.flow.at.reply] === 0
      if (isOne && (value[structs.flow.at.state] ?? closed) < closed && !isSilent(value, now)) count++
    }
  })
  return count
}

/** All are known before the first goes: a map that changes shows some twice and some not at all. */
async function deleteKeys(
  maps: string,
  name: MapName,
  keySize: number,
  isWanted: (key: Buffer, value: Buffer) => boolean,
): Promise<void> {
  const wanted: Buffer[] = []
  withMap(maps, name, keySize, (map) => {
    for (const { key, value } of map.entries()) if (isWanted(key, value)) wanted.push(Buffer.from(key))
  })
  for (let from = 0; from < wanted.length; from += deletionsAtOnce) {
    if (from > 0) await turn()
    withMap(maps, name, keySize, (map) => {
      for (const key of wanted.slice(from, from + deletionsAtOnce)) map.delete(key)
    })
  }
}

/** One that isn't pinned, or is of a version with other keys, is passed over. */
function withMap(maps: string, name: MapName, keySize: number, use: (map: BpfMap) => void): void {
  const path = `${maps}/${name}`
  if (!existsSync(path)) return
  const map = BpfMap.openPinned(name, path)
  try {
    if (map.keySize === keySize) use(map)
  } finally {
    map.close()
  }
}

/** The node that what is pinned belongs to, by the cookie of its network namespace; `undefined`: nobody has said. */
export function pinnedNode(directory: string): bigint | undefined {
  for (const maps of mapDirectoriesOf(directory)) {
    let found = 0n
    withMap(maps, 'node_settings', 4, (map) => {
      for (const { value } of map.entries())
        found ||=
          value.length === structs.settings.size ? value.readBigUInt64LE(structs.settings.at.node) : 0n
    })
    if (found !== 0n) return found
  }
  return undefined
}
