/**
 * How many files this process may have open.
 *
 * @param limits the text of /proc/self/limits
 */
export function openFileLimit(limits: string): number {
  const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(limits) ?? []
  return soft === undefined || soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}
