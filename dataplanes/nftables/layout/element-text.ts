import type { Datum, Element } from './elements.ts'
import { numberText } from './numbers.ts'
import type { Field, SetDeclaration } from './sets.ts'

/** An element in nft's language: `10.96.0.1 . tcp . 80 : 1:2a`. */
export function elementText(set: SetDeclaration, element: Element): string {
  const key = fields(set.key, element.key)
  if (set.value === undefined || element.value === undefined) return key
  return `${key} : ${fields(set.value, element.value)}`
}

function fields(kinds: readonly Field[], data: readonly Datum[]): string {
  return data.map((datum, index) => datumText(kinds[index], datum)).join(' . ')
}

function datumText(kind: Field | undefined, datum: Datum): string {
  if (kind === 'number') return numberText(Number(datum))
  if (kind === 'protocol') return String(datum).toLowerCase()
  if (kind === 'chain') return `goto ${datum}`
  return String(datum)
}
