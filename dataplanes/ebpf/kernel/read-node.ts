import {
  inNetworkNamespace,
  listDefaultRoutes,
  listInterfaces,
  type NetworkInterface,
  networkNamespaceCookie,
} from '@portolan/native'
import { bridgeOf } from '../layout/node-elements.ts'
import type { NodeState } from '../layout/observed-state.ts'
import { defaultRoute, type EbpfSettings } from '../layout/settings.ts'
import { findPaths, matches } from './name-patterns.ts'

/** Runs where the node's interfaces are. */
export function inNode<Result>({ networkNamespace }: EbpfSettings, run: () => Result): Result {
  return networkNamespace === undefined ? run() : inNetworkNamespace(networkNamespace, run)
}

/** What the programs have to know about the node, as it is now. */
export function readNode(settings: EbpfSettings): NodeState {
  return {
    cookie: inNode(settings, networkNamespaceCookie),
    ...(settings.podNamespaces === undefined
      ? {}
      : { podNamespaces: findPaths(settings.podNamespaces).flatMap(cookieOf) }),
    interfaces: servedInterfaces(settings),
    ports: settings.ports,
  }
}

/** A namespace that goes away meanwhile has no sockets either. */
function cookieOf(path: string): bigint[] {
  try {
    return [inNetworkNamespace(path, networkNamespaceCookie)]
  } catch {
    return []
  }
}

/** Also those that are down: when one comes up, its programs are there. */
function servedInterfaces({ networkNamespace, interfaces }: EbpfSettings): NetworkInterface[] {
  const uplinks = interfaces.includes(defaultRoute) ? listDefaultRoutes(networkNamespace) : new Set()
  const all = listInterfaces(networkNamespace)
  const isServed = (one: NetworkInterface | undefined): boolean => {
    if (one === undefined || one.header === 'other') return false
    // A port counts as its bridge. What comes in by a member of a bond comes in by that as well, and there it is looked at.
    const bridge = bridgeOf(one)
    if (bridge !== undefined) return isServed(all.find(({ index }) => index === bridge))
    return one.master === undefined && (uplinks.has(one.index) || matches(one.name, interfaces))
  }
  return all.filter(isServed)
}
