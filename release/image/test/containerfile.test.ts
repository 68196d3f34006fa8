import { readFile } from 'node:fs/promises'
import { matchesGlob } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { readJson, readWorkspaces } from '../../pack/workspaces.ts'
import { wantedPackages } from '../debian.ts'
import { belongs } from '../program.ts'

// The Containerfile takes the same as `npm run image` does. That its steps work docs/image.md says, and how it was tried.

const root = fileURLToPath(new URL('../../..', import.meta.url))
const text = await readFile(new URL('../Containerfile', import.meta.url), 'utf8')

/** Instructions with their words; lines that go on are one. */
const instructions = text
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split(/\s+/))

const wordsOf = (name: string, second?: string) =>
  instructions.find(
    ([first, next]) => first === name && (second === undefined || next?.startsWith(second)),
  ) ?? []

test('it copies the archive of each package that belongs to the image, of the present version', async (t) => {
  const published = (await readWorkspaces(root)).map(({ manifest }) => manifest)
  const archives = published
    .filter(({ name, private: isPrivate }) => isPrivate !== true && belongs.test(name))
    .map(({ name, version }) => `dist/${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`)
  const patterns = wordsOf('COPY', 'dist/').slice(1, -1)
  const every = published
    .filter(({ private: isPrivate }) => isPrivate !== true)
    .map(({ name, version }) => `dist/${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`)
  const copied = every.filter((path) => patterns.some((pattern) => matchesGlob(path, pattern)))
  t.deepEqual(copied.toSorted(), archives.toSorted())
  for (const pattern of patterns)
    t.true(
      every.some((path) => matchesGlob(path, pattern)),
      pattern,
    )
})

test("it installs the packages of Debian that the image has, and Node.js of the checkout's series", async (t) => {
  const run = wordsOf('RUN', 'apt-get')
  const from = run.lastIndexOf('--no-install-recommends') + 1
  t.deepEqual(run.slice(from, run.indexOf('&&', from)).toSorted(), [...wantedPackages].toSorted())
  const { devDependencies } = (await readJson(`${root}package.json`)) as { devDependencies: { node: string } }
  t.is(wordsOf('FROM', 'node:')[1], `node:${devDependencies.node.split('.')[0]}-bookworm-slim`)
  t.is(wordsOf('FROM', 'debian:')[1], 'debian:bookworm-slim')
})
