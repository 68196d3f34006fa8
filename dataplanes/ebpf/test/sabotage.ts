import { closeSync, readdirSync, rmSync } from 'node:fs'
import { inNetworkNamespace, listInterfaces } from '@portolan/native'
import { BpfMap, libbpf, openPin } from '@portolan/native/libbpf'
import { SystemCommand } from '@portolan/native/system-command'
import { clsact, tcx } from '../kernel/packet-hook.ts'
import { linkPin, nodeDirectory } from '../kernel/pins.ts'
import type { MapName } from '../layout/maps.ts'

/** A node, and where what is of it is pinned. */
interface Place {
  readonly networkNamespace: string
  readonly directory: string
}

/** What befalls a node's maps and hooks from outside. */
const damages: readonly ((place: Place) => void)[] = [
  (node) => emptyMap(node, 'frontends'),
  (node) => emptyMap(node, 'members', 'ranges'),
  (node) => overwriteMap(node, 'services'),
  (node) => overwriteMap(node, 'endpoints'),
  (node) => overwriteMap(node, 'frontends'),
  (node) => emptyMap(node, 'devices', 'namespaces'),
  (node) => overwriteMap(node, 'node_settings'),
  ({ directory }) => unpinLinksIn(directory),
  ({ directory }) => rmSync(directory, { recursive: true }),
  ({ networkNamespace, directory }) => {
    inNetworkNamespace(networkNamespace, () => {
      for (const { index } of listInterfaces()) {
        for (const hook of [tcx(directory), clsact(directory)]) {
          hook.detach(index, 'ingress')
          hook.detach(index, 'egress')
        }
      }
    })
  },
  ({ directory }) => detachLinksIn(directory),
]

export function unpinLinks(networkNamespace: string): void {
  unpinLinksIn(nodeDirectory(networkNamespace))
}

export function detachLinks(networkNamespace: string): void {
  detachLinksIn(nodeDirectory(networkNamespace))
}

function unpinLinksIn(directory: string): void {
  rmSync(linkPin(directory, ''), { recursive: true })
}

/** As `bpftool link detach` does: the links stay, and lead nowhere. */
function detachLinksIn(directory: string): void {
  const links = linkPin(directory, '')
  for (const name of readdirSync(links)) {
    const link = openPin(`${links}/${name}`)
    libbpf().bpf_link_detach(link)
    closeSync(link)
  }
}

/** Damages our maps or hooks in one of several ways; false when there are no more. A hook of the conformance kit. */
export async function sabotage(networkNamespace: string, way: number): Promise<boolean> {
  return damageAt({ networkNamespace, directory: nodeDirectory(networkNamespace) }, way)
}

/** The same for `portolan run`, which serves the network namespace that it runs in. */
export async function sabotageRun(networkNamespace: string, way: number): Promise<boolean> {
  return damageAt({ networkNamespace, directory: nodeDirectory(undefined) }, way)
}

function damageAt(place: Place, way: number): boolean {
  const damage = damages[way]
  if (damage === undefined) return false
  damage(place)
  return true
}

export function openMap(networkNamespace: string, name: MapName): BpfMap {
  return openMapIn(nodeDirectory(networkNamespace), name)
}

function openMapIn(directory: string, name: MapName): BpfMap {
  const maps = readdirSync(directory).find((one) => one.startsWith('maps-'))
  return BpfMap.openPinned(name, `${directory}/${maps}/${name}`)
}

function emptyMap({ directory }: Place, ...names: readonly MapName[]): void {
  for (const name of names) {
    const map = openMapIn(directory, name)
    for (const key of keysOf(map)) map.delete(key)
  }
}

function overwriteMap({ directory }: Place, name: MapName): void {
  const map = openMapIn(directory, name)
  for (const key of keysOf(map)) map.set(key, Buffer.alloc(map.valueSize))
}

function keysOf(map: BpfMap): Buffer[] {
  const keys: Buffer[] = []
  for (const { key } of map.entries()) keys.push(Buffer.from(key))
  return keys
}

/** Puts a filter of another tool on our hook; the function given tells whether it is still there. Also a hook. */
export async function foreign(networkNamespace: string): Promise<() => Promise<boolean>> {
  const command = new SystemCommand(networkNamespace)
  const tc = (...args: string[]) => command.run('tc', args)
  const filter = ['dev', 'eth0', 'ingress', 'protocol', 'ip', 'pref', '7', 'u32']
  await tc('qdisc', 'add', 'dev', 'eth0', 'clsact')
  await tc('filter', 'add', ...filter, 'match', 'ip', 'dport', '22', '0xffff', 'classid', '1:1')
  return async () => {
    const shown = await tc('filter', 'show', 'dev', 'eth0', 'ingress')
    return shown.includes('pref 7 u32')
  }
}
