import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openAndUnlink, openUnnamedFile } from '../kernel/unnamed-file.ts'

const script = '# nothing\nadd table ip of-no-one\n'.repeat(5000)

/** What another program reads of it, by the path that nft is given. */
async function readBySomebodyElse(file: FileHandle): Promise<string> {
  try {
    await file.writeFile(script)
    return execFileSync('cat', [`/proc/${process.pid}/fd/${file.fd}`], { encoding: 'utf8' })
  } finally {
    await file.close()
  }
}

/** An overlay file system, as a container's root is, in this test file's own mount namespace. */
function overlay(t: ExecutionContext): string {
  const base = mkdtempSync(join(tmpdir(), 'pl-overlay-'))
  // An overlay can't be the upper layer of another, which is what a container's own /tmp would make of it.
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', base])
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(base, name))
  for (const path of [lower, upper, work, merged]) mkdirSync(path!)
  const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, merged!])
  t.teardown(() => {
    for (const path of [merged!, base]) execFileSync('umount', [path])
    rmSync(base, { recursive: true })
  })
  return merged!
}

for (const [how, open] of [
  ['without a name', (directory: string) => openUnnamedFile([directory])],
  ['by unlinking, as before Linux 6.3', openAndUnlink],
] as const) {
  test(`${how}: another program reads the file on an overlay file system, where no name is left`, async (t) => {
    const directory = overlay(t)
    const file = await open(directory)
    t.deepEqual(readdirSync(directory), [])
    t.is(await readBySomebodyElse(file), script)
    t.deepEqual(readdirSync(directory), [])
  })
}

test('where the first place is missing or takes no files, the next one is used', async (t) => {
  for (const first of ['/not-there', '/proc']) {
    const file = await openUnnamedFile([first, '/dev/shm'])
    t.is(await readBySomebodyElse(file), script)
  }
  await t.throwsAsync(openUnnamedFile(['/not-there']), { code: 'ENOENT' })
})
