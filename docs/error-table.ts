import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** One code of an error class. The class's file exports `fooErrorCodes` for a class `FooError`. */
export interface ErrorCode {
  readonly code: string
  readonly errorClass: string
  /** The folder of the package that has the class: `core`, `dataplanes/nftables`. */
  readonly package: string
  readonly when: string
  readonly fix: string
}

/** `export const apiErrorCodes = {`: the codes of class `ApiError`. */
const declared = /^export const (\w+)Codes = \{$/gm

/** Reads the tables of codes that these files export, sorted by code. */
export async function errorCodes(root: string, paths: readonly string[]): Promise<ErrorCode[]> {
  const found: ErrorCode[] = []
  for (const path of paths) {
    const source = await readFile(join(root, path), 'utf8')
    for (const [, name = ''] of source.matchAll(declared)) {
      const errorClass = name[0]?.toUpperCase() + name.slice(1)
      if (!source.includes(`export class ${errorClass} `)) continue
      const module = (await import(join(root, path))) as Readonly<Record<string, Codes>>
      for (const [code, { when, fix }] of Object.entries(module[`${name}Codes`] ?? {}))
        found.push({ code, errorClass, package: packageOf(path), when, fix })
    }
  }
  return found.sort((a, b) => (a.code < b.code ? -1 : 1))
}

type Codes = Readonly<Record<string, { readonly when: string; readonly fix: string }>>

/** `dataplanes/nftables` of `dataplanes/nftables/compile/numbers.ts`. */
function packageOf(path: string): string {
  return /^(?:(?:dataplanes|test)\/)?[^/]+/.exec(path)?.[0] ?? path
}

/** The codes as a Markdown table. */
export function errorTable(codes: readonly ErrorCode[]): string {
  const rows = codes.map((code) =>
    [`\`${code.code}\``, `${code.errorClass} (${code.package})`, code.when, code.fix].map((cell) =>
      cell.replaceAll('|', '\\|'),
    ),
  )
  return [['code', 'class', 'when', 'fix'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
