import { readdirSync, readlinkSync } from 'node:fs'
import type { EbpfSettings } from '../layout/settings.ts'
import { findPaths } from './name-patterns.ts'

/** More than a node has pods. */
const maxNamespaces = 4096

/**
 * Paths of the network namespaces of a node and its pods, each once. Of the machine's own node they are those that
 * processes live in: in a container that needs the host's process namespace (`hostPID`).
 */
export function nodeNamespaces({ networkNamespace, podNamespaces }: EbpfSettings): string[] {
  if (podNamespaces !== undefined) {
    const own = networkNamespace ?? '/proc/self/ns/net'
    return [own, ...findPaths(podNamespaces)].slice(0, maxNamespaces)
  }
  const paths = new Map<string, string>()
  for (const process of readdirSync('/proc')) {
    if (!/^\d+$/.test(process)) continue
    const path = `/proc/${process}/ns/net`
    try {
      const namespace = readlinkSync(path)
      if (!paths.has(namespace)) paths.set(namespace, path)
    } catch {
      // It has ended, or has no namespace any more.
    }
    if (paths.size === maxNamespaces) break
  }
  return [...paths.values()]
}
