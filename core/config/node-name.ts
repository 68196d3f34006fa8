/**
 * The name under which this node's Node object and its endpoints are known: what the operator says, else the
 * machine's host name; trimmed and in lower case, as upstream has it (SEMANTICS 1).
 */
export function nodeName(override: string | undefined, hostname: string): string {
  return (override ?? hostname).trim().toLowerCase()
}
