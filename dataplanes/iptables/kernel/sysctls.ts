import { accessSync, constants, writeFileSync } from 'node:fs'
import { inNamespace, readProc } from '@portolan/native'
import type { RouteLocalnet } from '../layout/route-localnet.ts'

const liberalPath = '/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal'

/** Whether conntrack takes every TCP segment for valid. */
export function isTcpLiberal(networkNamespace: string | undefined): boolean {
  return inNamespace(networkNamespace, () => (readProc(liberalPath) ?? '0').trim() !== '0')
}

const routeLocalnetPath = '/proc/sys/net/ipv4/conf/all/route_localnet'

export function readRouteLocalnet(networkNamespace: string | undefined): RouteLocalnet {
  return inNamespace(networkNamespace, () => {
    if (readProc(routeLocalnetPath)?.trim() === '1') return 'on'
    try {
      accessSync(routeLocalnetPath, constants.W_OK)
      return 'off'
    } catch {
      return 'fixed'
    }
  })
}

/** @throws what writeFileSync does, where the setting can't be changed */
export function setRouteLocalnet(networkNamespace: string | undefined, on: boolean): void {
  inNamespace(networkNamespace, () => writeFileSync(routeLocalnetPath, on ? '1' : '0'))
}
