import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { isUpdating } from './updating.ts'

/**
 * Compares a text with a golden file, which people read. `UPDATE_GOLDEN=1 npx ava dataplanes/NAME` writes the files
 * anew: read the diff.
 *
 * @param folder where the files are, `new URL('./golden/', import.meta.url)`
 * @returns what there is and what there should be, for `t.is`
 */
export async function asGolden(folder: URL, name: string, text: string): Promise<[string, string]> {
  const file = new URL(name, folder)
  if (isUpdating('UPDATE_GOLDEN')) {
    await mkdir(folder, { recursive: true })
    await writeFile(file, text)
  }
  return [text, await readFile(file, 'utf8')]
}
