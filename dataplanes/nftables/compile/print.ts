import { elementText } from '../layout/element-text.ts'
import type { ElementList } from '../layout/elements.ts'
import type { SetDeclaration } from '../layout/sets.ts'
import { nftFamily, tableName } from '../layout/table.ts'
import type { NftProgram } from './program.ts'

/** The program as one nft transaction: what `nft -f` takes, and what a person reads. Empty: nothing to do. */
export function print(program: NftProgram): string {
  const text = [...commands(program)].join('\n')
  return text === '' ? '' : `${text}\n`
}

function* commands(program: NftProgram): Generator<string> {
  const at = `${nftFamily(program.family)} ${tableName}`
  if (program.replace) yield `add table ${at}\ndelete table ${at}`
  if (program.declarations.length > 0) yield `add table ${at}`
  yield* program.declarations
  for (const { set, removals } of program.elements) {
    if (removals.length > 0) yield elementCommand('delete', at, set, removals)
  }
  for (const { set, additions } of program.elements) {
    if (additions.length > 0) yield elementCommand('add', at, set, additions)
  }
}

function elementCommand(
  verb: 'add' | 'delete',
  at: string,
  set: SetDeclaration,
  elements: ElementList,
): string {
  const texts = Array.from(elements, (element) => elementText(set, element))
  if (texts.length === 1) return `${verb} element ${at} ${set.name} { ${texts[0]} }`
  return `${verb} element ${at} ${set.name} {\n\t${texts.join(',\n\t')}\n}`
}
