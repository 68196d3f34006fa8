/**
 * Labels beside the ends of lines: as near to them as can be, none closer to the next than `gap`, none outside.
 * Neighbours that would overlap are placed around their common middle.
 *
 * @param wanted where each would stand best, in pixels
 * @returns where each stands, in the same order as `wanted`
 */
export function spreadLabels(wanted: readonly number[], room: Room): number[] {
  const { gap } = room
  const order = wanted.map((_, at) => at).sort((a, b) => at(wanted, a) - at(wanted, b))
  // Each block is a run of labels at exactly `gap`; blocks that touch are merged until none does.
  const blocks: { members: number[]; middle: number }[] = []
  for (const label of order) {
    let block = { members: [label], middle: clampedMiddle([label], wanted, room) }
    for (let last = blocks.at(-1); last !== undefined && touches(last, block, gap); last = blocks.at(-1)) {
      blocks.pop()
      const members = [...last.members, ...block.members]
      block = { members, middle: clampedMiddle(members, wanted, room) }
    }
    blocks.push(block)
  }
  const placed = new Array<number>(wanted.length).fill(0)
  for (const { members, middle } of blocks) {
    members.forEach((label, index) => {
      placed[label] = middle + (index - (members.length - 1) / 2) * gap
    })
  }
  return placed
}

interface Room {
  readonly gap: number
  readonly min: number
  readonly max: number
}

function clampedMiddle(
  members: readonly number[],
  wanted: readonly number[],
  { gap, min, max }: Room,
): number {
  const mean = members.reduce((sum, label) => sum + at(wanted, label), 0) / members.length
  const half = ((members.length - 1) * gap) / 2
  return Math.max(min + half, Math.min(max - half, mean))
}

type Block = { readonly members: readonly number[]; readonly middle: number }

function touches(above: Block, below: Block, gap: number): boolean {
  const end = above.middle + ((above.members.length - 1) * gap) / 2
  const begin = below.middle - ((below.members.length - 1) * gap) / 2
  return begin - end < gap - 1e-9
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 0
}
