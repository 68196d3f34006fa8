/** Attribute numbers of linux/netfilter/nf_tables.h, and values that go with them. */
export const elementAttribute = { key: 1, data: 2, flags: 3, keyEnd: 10 }
export const dataAttribute = { value: 1, verdict: 2 }
export const verdictAttribute = { code: 1, chain: 2, goto: -4 }
export const intervalEnd = 1
export const listElement = 1
