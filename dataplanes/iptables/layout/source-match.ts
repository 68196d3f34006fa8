import type { Setting } from './setting.ts'

/** Matches a packet from this node; ask for pods first, who may be behind an address of the node. */
export const nodeMatch = '-m addrtype --src-type LOCAL'

/** Marks a packet for masquerading. */
export function setMark({ masqueradeBit }: Setting): string {
  const mark = markText(masqueradeBit)
  return `-j MARK --set-xmark ${mark}/${mark}`
}

export function markText(masqueradeBit: number): string {
  return `0x${(2 ** masqueradeBit).toString(16)}`
}
