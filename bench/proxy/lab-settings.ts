import type { Host } from '@portolan/lab'

/** A dataplane as `--dataplane` names it. */
export interface NamedDataplane {
  /** What `loadDataplane` takes. */
  readonly module: string
  readonly settings: Readonly<Record<string, string>>
  /** Milliseconds that any one call may take. Absent: as in `portolan run`. */
  readonly callMs?: number
}

/** Reads `nftables?transport=nft`: a name, and options of the dataplane as in a URL. */
export function parseDataplaneName(name: string): NamedDataplane {
  const mark = name.indexOf('?')
  if (mark < 0) return { module: name, settings: {} }
  return {
    module: name.slice(0, mark),
    settings: Object.fromEntries(new URLSearchParams(name.slice(mark + 1))),
  }
}

/**
 * What a dataplane must be told in a lab that it finds out by itself on a node of its own. Those at sockets see the
 * sockets of the whole machine, so they must be told which namespaces are the lab's pods.
 */
export function inLab({ module, settings }: NamedDataplane, node: Host): Record<string, string> {
  if (module !== 'ebpf') return { ...settings }
  return { 'pod-namespaces': node.networkNamespace.replace(/node$/, 'pod*'), ...settings }
}
