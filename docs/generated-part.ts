import { readFile, writeFile } from 'node:fs/promises'
import { isUpdating } from '@portolan/conformance/updating'
import type { ExecutionContext } from 'ava'

/**
 * Checks that the part of a page between `<!-- title…-->` and `<!-- end -->` is what was generated; with `UPDATE_DOCS=1` in
 * the environment it is written instead.
 */
export async function checkGenerated(
  t: ExecutionContext,
  path: string,
  title: string,
  generated: string,
): Promise<void> {
  const part = new RegExp(`(<!-- ${title}[^>]*-->\\n)([\\s\\S]*?)\\n?<!-- end -->`)
  const text = await readFile(path, 'utf8')
  t.regex(text, part)
  if (isUpdating('UPDATE_DOCS'))
    await writeFile(
      path,
      text.replace(part, (_, begin) => `${begin}${generated}\n<!-- end -->`),
    )
  else t.is(part.exec(text)?.[2], generated)
}
