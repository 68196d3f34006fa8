import type { Host } from '@portolan/lab'

/**
 * What a dataplane must be told in a lab that it finds out by itself on a node of its own. Those at sockets see the
 * sockets of the whole machine, so they must be told which namespaces are the lab's pods.
 */
export function labSettings(dataplane: string, node: Host): Record<string, string> {
  if (dataplane !== 'ebpf') return {}
  return { 'pod-namespaces': node.networkNamespace.replace(/node$/, 'pod*') }
}
