/** The routing table in which everything is local, and the rule's place: before those of network plugins. */
export const routingTable = 20_559
export const rulePriority = 30

/**
 * Marks of virtual servers begin with this byte. IPVS compares the whole mark of every packet that arrives, so a mark
 * that another tool gives must never be one of these.
 */
export const markTag = 0x5a000000
export const markTagMask = 0xff000000
