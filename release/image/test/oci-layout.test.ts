import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { execa } from 'execa'
import { architectures } from '../architecture.ts'
import { writeLayer } from '../layer.ts'
import { emptyLayout, writeLayout, writeManifest } from '../oci-layout.ts'

const folder = await mkdtemp(join(tmpdir(), 'portolan-layout-test-'))
test.after.always(() => rm(folder, { recursive: true, force: true }))

test.serial('the same files make the same layer, and nothing in it tells who made it', async (t) => {
  const [one, other] = [join(folder, 'one'), join(folder, 'other')]
  for (const [path, names] of [
    [one, ['b', 'a']],
    [other, ['a', 'b']],
  ] as const) {
    await mkdir(path)
    for (const name of names) await writeFile(join(path, name), name, { mode: path === one ? 0o600 : 0o664 })
    await mkdir(join(path, 'tmp'))
    await chmod(join(path, 'tmp'), path === one ? 0o700 : 0o7777)
  }
  await mkdir(join(folder, 'blobs'))
  const made = await writeLayer(one, join(folder, 'blobs'))
  t.deepEqual(await writeLayer(other, join(folder, 'blobs')), made)
  const blob = join(folder, 'blobs', made.digest.replace('sha256:', ''))
  t.is((await execa('sha256sum', [blob])).stdout.split(' ')[0], made.digest.replace('sha256:', ''))
  const { stdout } = await execa('tar', ['--list', '--verbose', '--numeric-owner', '--utc', '--file', blob])
  t.regex(stdout, /^-rw-r--r-- 0\/0 +1 1970-01-01 00:00 \.\/a$/m)
  t.regex(stdout, /^drwxr-xr-x 0\/0 +0 1970-01-01 00:00 \.\/tmp\/$/m)
})

test.serial('a layout names every blob by its bytes, from the index down to the layers', async (t) => {
  const layout = join(folder, 'layout')
  const blobs = await emptyLayout(layout)
  await mkdir(join(folder, 'empty'))
  const layer = { ...(await writeLayer(join(folder, 'empty'), blobs)), holds: 'nothing' }
  const description = { version: '1.2.3', revision: 'abc', created: '2026-01-01T00:00:00Z' }
  const images = []
  for (const architecture of architectures)
    images.push({ architecture, manifest: await writeManifest(blobs, architecture, [layer], description) })
  await writeLayout(layout, images, description)

  const named = new Map<string, string>()
  const visit = async (path: string): Promise<void> => {
    const text = await readFile(path, 'utf8')
    const found = text.matchAll(/"mediaType":"([^"]+)","digest":"sha256:(\w+)","size":(\d+)/g)
    for (const [, mediaType = '', hex = '', size] of found) {
      const blob = await readFile(join(blobs, hex))
      t.is(createHash('sha256').update(blob).digest('hex'), hex)
      t.is(blob.length, Number(size), mediaType)
      named.set(hex, mediaType)
      if (mediaType.endsWith('+json')) await visit(join(blobs, hex))
    }
  }
  await visit(join(layout, 'index.json'))
  // An index, two manifests with a configuration each, and the layer that they share.
  t.is(named.size, 6, [...named.values()].join())
  t.deepEqual([...named.keys()].toSorted(), (await readdir(blobs)).toSorted())
})

test.serial('a layout takes the place of another one, and of nothing else', async (t) => {
  const [mine, layout] = [join(folder, 'mine'), join(folder, 'replaced')]
  await mkdir(mine)
  await writeFile(join(mine, 'thesis'), 'the only copy')
  await t.throwsAsync(emptyLayout(mine), {
    code: 'IMAGE_FOLDER',
    message: /mine is no image: thesis is in it$/,
  })
  await t.throwsAsync(emptyLayout(join(mine, 'thesis')), { code: 'IMAGE_FOLDER', message: /ENOTDIR/ })
  t.is(await readFile(join(mine, 'thesis'), 'utf8'), 'the only copy')
  const blobs = await emptyLayout(layout)
  await writeFile(join(blobs, 'old'), '')
  await writeLayout(layout, [], { version: '1', revision: 'abc', created: '2026-01-01T00:00:00Z' })
  t.deepEqual(await readdir(await emptyLayout(layout)), [])
  await mkdir(join(folder, 'nothing-yet'))
  t.deepEqual(await readdir(await emptyLayout(join(folder, 'nothing-yet'))), [])
})
