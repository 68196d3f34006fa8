import type { ConntrackConfig } from '../config/proxy-config.ts'
import type { KernelValue } from './kernel-value.ts'

/** Entries that a node's number of CPUs may ask for at most. */
const maxScaled = 1_048_576

/** Entries for each bucket of the table that they are found by. */
const entriesPerBucket = 4

/**
 * The sysctls of connection tracking that kube-proxy sets (SEMANTICS 17), from the first to the last. Timeouts are what is
 * asked for, also where the kernel's are longer; room for entries is only ever added to.
 *
 * @param cpus of the machine, whatever this process may use of them
 */
export function conntrackSysctls(config: ConntrackConfig, cpus: number): readonly KernelValue[] {
  const entries =
    config.maxPerCore === 0 ? 0 : Math.max(config.min, Math.min(config.maxPerCore * cpus, maxScaled))
  const values: readonly KernelValue[] = [
    { name: sysctl('max'), value: entries, rule: 'atLeast' },
    {
      // The same as the module's parameter hashsize, which is below /sys.
      name: sysctl('buckets'),
      value: Math.floor(entries / entriesPerBucket),
      rule: 'atLeast',
      needs: sysctl('max'),
    },
    {
      name: sysctl('tcp_timeout_established'),
      value: seconds(config.tcpEstablishedTimeout),
      rule: 'exactly',
    },
    { name: sysctl('tcp_timeout_close_wait'), value: seconds(config.tcpCloseWaitTimeout), rule: 'exactly' },
    { name: sysctl('tcp_be_liberal'), value: config.tcpBeLiberal ? 1 : 0, rule: 'exactly' },
    { name: sysctl('udp_timeout'), value: seconds(config.udpTimeout), rule: 'exactly' },
    { name: sysctl('udp_timeout_stream'), value: seconds(config.udpStreamTimeout), rule: 'exactly' },
  ]
  // None of them is ever set to 0: that is how to leave one as it is.
  return values.filter(({ value }) => value > 0)
}

function sysctl(name: string): string {
  return `net.netfilter.nf_conntrack_${name}`
}

/** Of milliseconds; less than a second is one. */
function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}
