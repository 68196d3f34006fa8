import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { execa } from 'execa'
import { readRevision } from '../revision.ts'

const identity = {
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a',
}

test("an image says its commit, and when its files are not the commit's", async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'portolan-revision-'))
  t.teardown(() => rm(root, { recursive: true }))
  const git = async (...args: string[]) =>
    (await execa('git', args, { cwd: root, env: { ...identity, GIT_COMMITTER_DATE: '1767323045 +0530' } }))
      .stdout
  await git('init', '--quiet')
  await writeFile(join(root, '.gitignore'), 'dist\n')
  await writeFile(join(root, 'file'), 'text')
  await git('add', '.')
  await git('commit', '--quiet', '--message', 'all')
  const commit = await git('rev-parse', 'HEAD')
  const created = '2026-01-02T03:04:05Z'
  await writeFile(join(root, 'dist'), 'what was built before')
  t.deepEqual(await readRevision(root), { revision: commit, created })
  await writeFile(join(root, 'new'), '')
  t.deepEqual(await readRevision(root), { revision: `${commit}-dirty`, created })
  await rm(join(root, 'new'))
  await writeFile(join(root, 'file'), 'other text')
  t.deepEqual(await readRevision(root), { revision: `${commit}-dirty`, created })
})
