/**
 * A flag of virtual servers that no scheduler reads, by which ours are told from others: after a restart, by `cleanup`,
 * and by a person, who sees `flag-3` in `ipvsadm -Ln` (IP_VS_SVC_F_SCHED3 of linux/ip_vs.h).
 */
export const ourFlag = 0x20
export const persistentFlag = 0x1
/** sh-fallback and mh-fallback; sh-port and mh-port. */
export const schedulerFlags = { fallback: 0x08, port: 0x10 } as const
