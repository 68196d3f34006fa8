import { readFileSync } from 'node:fs'

/** Those that a proxy may need, with their bits (capabilities(7)). */
const bits = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n, CAP_SYS_PTRACE: 19n, CAP_SYS_ADMIN: 21n } as const

export type Capability = keyof typeof bits

/** Those that are effective in this process, a bit for each. */
export function effectiveCapabilities(status = readFileSync('/proc/self/status', 'utf8')): bigint {
  const [, mask = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? []
  return BigInt(`0x${mask}`)
}

/**
 * What of the capabilities the process lacks, and the line of a manifest that gives it; `undefined`: it has them all. To be
 * asked first: what the kernel refuses without them is told in many ways, few of which name them.
 */
export function capabilityProblem(
  needed: readonly Capability[],
  effective = effectiveCapabilities(),
): { readonly what: string; readonly fix: string } | undefined {
  const missing = needed.filter((name) => (effective & (1n << bits[name])) === 0n)
  if (missing.length === 0) return undefined
  const names = needed.map((name) => name.replace('CAP_', '')).join(', ')
  return {
    what: `the process has no ${missing.join(' and no ')}`,
    fix: `run as root; in a Pod: securityContext: { capabilities: { add: [${names}] } }, or privileged: true`,
  }
}
