import { accessSync, constants, writeFileSync } from 'node:fs'
import { sysctlPath } from '@portolan/core'
import { inNamespace, readProc } from '@portolan/native'
import type { RouteLocalnet } from '../layout/route-localnet.ts'

const liberal = 'net.netfilter.nf_conntrack_tcp_be_liberal'

/** Whether conntrack takes every TCP segment for valid. */
export function isTcpLiberal(networkNamespace: string | undefined): boolean {
  return inNamespace(networkNamespace, () => (readProc(sysctlPath(liberal)) ?? '0').trim() !== '0')
}

const routeLocalnet = 'net.ipv4.conf.all.route_localnet'

export function readRouteLocalnet(networkNamespace: string | undefined): RouteLocalnet {
  return inNamespace(networkNamespace, () => {
    const path = sysctlPath(routeLocalnet)
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
  inNamespace(networkNamespace, () => writeFileSync(sysctlPath(routeLocalnet), on ? '1' : '0'))
}
