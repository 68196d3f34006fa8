/**
 * Whether the kernel routes packets to and from 127.0.0.0/8 over other interfaces than loopback, which NodePorts at
 * 127.0.0.1 need. `fixed`: it doesn't, and we can't have it so, because /proc/sys is read-only here.
 */
export type RouteLocalnet = 'on' | 'off' | 'fixed'

/** What NodePorts at loopback lack where the setting can't be changed, and the fix. */
export const routeLocalnetNotice =
  'NodePorts do not answer at 127.0.0.1: net.ipv4.conf.all.route_localnet is 0, and /proc/sys is not writable here. ' +
  'Set it to 1 on the node (sysctl -w), make /proc/sys writable in the container, or leave 127.0.0.0/8 out of --nodeport-addresses'
