import { accessSync, constants, writeFileSync } from 'node:fs'
import { inNamespace, readProc } from './proc.ts'

const path = '/proc/sys/net/ipv4/conf/all/route_localnet'

/**
 * Whether the kernel routes packets to and from 127.0.0.0/8 over other interfaces than loopback, which NodePorts at
 * 127.0.0.1 need. `fixed`: it doesn't, and we can't have it so, because /proc/sys is read-only here.
 */
export type RouteLocalnet = 'on' | 'off' | 'fixed'

/** What NodePorts at loopback lack where the setting can't be changed, and the fix. */
export const routeLocalnetNotice =
  'NodePorts do not answer at 127.0.0.1: net.ipv4.conf.all.route_localnet is 0, and /proc/sys is not writable here. ' +
  'Set it to 1 on the node (sysctl -w), make /proc/sys writable in the container, or leave 127.0.0.0/8 out of --nodeport-addresses'

export function readRouteLocalnet(networkNamespace: string | undefined): RouteLocalnet {
  return inNamespace(networkNamespace, () => {
    if (readProc(path)?.trim() === '1') return 'on'
    try {
      accessSync(path, constants.W_OK)
      return 'off'
    } catch {
      return 'fixed'
    }
  })
}

/** @throws what writeFileSync does, where the setting can't be changed */
export function setRouteLocalnet(networkNamespace: string | undefined, on: boolean): void {
  inNamespace(networkNamespace, () => writeFileSync(path, on ? '1' : '0'))
}
