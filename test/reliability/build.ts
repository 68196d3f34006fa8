import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { edited, programEdits } from './other-build/edits.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** How a build of Portolan is started. */
export interface Build {
  /** Absent: the present one. */
  readonly name?: string
  /** The script that is `portolan`. */
  readonly program: string
  /** Before the script. */
  readonly nodeFlags: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export const presentBuild: Build = { program: join(root, 'core/cli/portolan.js'), nodeFlags: [], env: {} }

/** One from the checkout in another folder, which is set up. */
export function checkedOut(folder: string): Build {
  return { ...presentBuild, name: folder, program: join(folder, 'core/cli/portolan.js') }
}

/**
 * A build with other layouts than this one, made of this one's sources; see other-build/edits.ts. It is there until this
 * process exits.
 *
 * @throws Error where clang refuses the eBPF programs
 */
export async function buildOtherwise(): Promise<Build> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-build-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const [from, to] = [join(root, 'native/bpf'), join(folder, 'bpf')]
  await cp(from, to, { recursive: true, filter: (path) => !path.endsWith('.o') })
  for (const edit of programEdits) {
    const path = join(to, edit.file.slice('native/bpf/'.length))
    await writeFile(path, edited(await readFile(path, 'utf8'), edit))
  }
  await promisify(execFile)('bash', [join(to, 'compile.sh')])
  return {
    ...presentBuild,
    name: 'another layout',
    nodeFlags: ['--import', new URL('other-build/preload.ts', import.meta.url).href],
    env: { PORTOLAN_OTHER_BUILD: to },
  }
}
