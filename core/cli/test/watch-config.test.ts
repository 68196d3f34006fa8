import { execFileSync } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { ProcessLogger } from '../log.ts'
import { readConfig } from '../read-config.ts'
import { watchConfig } from '../watch-config.ts'

const kubeadm = fileURLToPath(new URL('../../../docs/kubeadm-config.conf', import.meta.url))
const logger = { debug() {}, info() {}, warn() {}, error() {}, level: 'info' } as unknown as ProcessLogger

test('a file is watched, and a pipe, as bash makes one, is not: who opens it again would wait for ever', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-config-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'file.conf')
  const pipe = join(folder, 'pipe.conf')
  await copyFile(kubeadm, file)
  execFileSync('mkfifo', [pipe])
  const current = await readConfig({ config: file })
  const watch = await watchConfig({ config: file }, current, logger)
  t.not(watch, undefined)
  watch?.stop()
  t.is(await watchConfig({ config: pipe }, current, logger), undefined)
})
