import { writeFileSync } from 'node:fs'
import { inNetworkNamespace } from '@portolan/native'

const ownGroup = process.getgid?.() ?? 0

/**
 * What every host of a lab has. Each is there because without it a test fails or lies:
 * a refusal that is sent as ICMP must not be swallowed by a rate limit and look like a time-out, a redirect must not
 * teach a pod another way, an IPv6 address must be usable at once, an answer may leave by another link than the
 * question came in by.
 */
const everywhere: Readonly<Record<string, string>> = {
  'ipv4/icmp_ratelimit': '0',
  'ipv4/icmp_ratemask': '0',
  'ipv4/icmp_msgs_per_sec': '1000000',
  'ipv4/icmp_msgs_burst': '1000000',
  'ipv6/icmp/ratelimit': '0',
  'ipv4/conf/all/send_redirects': '0',
  'ipv4/conf/default/send_redirects': '0',
  'ipv4/conf/all/accept_redirects': '0',
  'ipv4/conf/default/accept_redirects': '0',
  'ipv6/conf/all/accept_redirects': '0',
  'ipv6/conf/default/accept_redirects': '0',
  'ipv4/conf/all/rp_filter': '0',
  'ipv4/conf/default/rp_filter': '0',
  'ipv6/conf/all/accept_dad': '0',
  'ipv6/conf/default/accept_dad': '0',
  'ipv6/conf/all/accept_ra': '0',
  'ipv6/conf/default/accept_ra': '0',
  // Ping sockets for this process's group (in a user namespace there may be no other), and sockets at addresses that are
  // only routed here (the remote pods').
  'ipv4/ping_group_range': `${ownGroup} ${ownGroup}`,
  'ipv4/ip_nonlocal_bind': '1',
  'ipv6/ip_nonlocal_bind': '1',
}

const onNode: Readonly<Record<string, string>> = {
  'ipv4/ip_forward': '1',
  'ipv6/conf/all/forwarding': '1',
  // The bridge only carries frames: pods talk to each other through the node's IP layer (see topology.ts).
  'bridge/bridge-nf-call-iptables': '0',
  'bridge/bridge-nf-call-ip6tables': '0',
}

/** Kernels differ in which of these exist for a namespace of its own. */
const optional = new Set([
  'ipv4/icmp_msgs_per_sec',
  'ipv4/icmp_msgs_burst',
  'bridge/bridge-nf-call-iptables',
  'bridge/bridge-nf-call-ip6tables',
])

/**
 * Sets them before the host gets its links, which copy the defaults when they are made.
 *
 * @throws Error naming the setting and what it needs
 */
export function setSysctls(networkNamespace: string, forwards: boolean): void {
  inNetworkNamespace(networkNamespace, () => {
    for (const [name, value] of Object.entries(forwards ? { ...everywhere, ...onNode } : everywhere)) {
      try {
        writeFileSync(`/proc/sys/net/${name}`, value)
      } catch (cause) {
        if (optional.has(name)) continue
        const why = cause instanceof Error ? cause.message : String(cause)
        throw new Error(
          `can't set net/${name} in a namespace of the lab: ${why}. It needs CAP_NET_ADMIN and a /proc/sys that can be written`,
          { cause },
        )
      }
    }
  })
}
