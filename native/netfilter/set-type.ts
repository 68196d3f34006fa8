/** Options that change as a set grows, or that only count and annotate. */
const indifferent: ReadonlySet<string> = new Set([
  'hashsize',
  'bucketsize',
  'initval',
  'counters',
  'comment',
  'skbinfo',
])
/** Options without a value. */
const bare: ReadonlySet<string> = new Set(['counters', 'comment', 'skbinfo', 'forceadd'])

/**
 * Whether a set takes the same elements as one that was declared.
 *
 * @param held type and options as `ipset save` tells: `hash:ip family inet hashsize 1024 maxelem 65536 bucketsize 12`
 * @param declared the same as `ipset create` takes them
 */
export function isSameSetType(held: string, declared: string): boolean {
  return essence(held) === essence(declared)
}

/** Whether the kernel swaps the two: it asks for the same type and family, and lets sizes differ. */
export function canSwapSets(held: string, declared: string): boolean {
  const kind = (text: string) => [text.trim().split(/\s+/)[0], /\bfamily (\S+)/.exec(text)?.[1]].join(' ')
  return kind(held) === kind(declared)
}

function essence(text: string): string {
  const [type, ...words] = text.trim().split(/\s+/)
  const options: string[] = []
  for (let index = 0; index < words.length; index++) {
    const option = words[index] ?? ''
    const value = bare.has(option) ? '' : words[++index]
    if (!indifferent.has(option)) options.push(`${option} ${value}`)
  }
  return [type, ...options.sort()].join(' ')
}
