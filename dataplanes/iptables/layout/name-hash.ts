import { createHash } from 'node:crypto'

/** 12 letters of base 32: 60 bits, so that two of a million names are equal once in two million clusters. */
export function nameHash(text: string): string {
  const bytes = createHash('sha256').update(text).digest()
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let letters = ''
  for (let index = 0; index < 12; index++) letters += alphabet[(bytes[index] ?? 0) & 31]
  return letters
}
