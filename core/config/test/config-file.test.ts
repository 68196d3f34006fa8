import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ConfigFileError, readConfigFile } from '../config-file.ts'
import { kubeadmConfig } from './kubeadm-config.ts'

const folder = await mkdtemp(join(tmpdir(), 'portolan-config-'))
test.after.always(() => rm(folder, { recursive: true }))

test('reads a file, with the mark that some editors put before it', async (t) => {
  const path = join(folder, 'config.conf')
  await writeFile(path, `\uFEFF${kubeadmConfig}`)
  const { problems, notes, kubeProxy } = await readConfigFile(path)
  t.deepEqual([problems, notes], [[], []])
  t.is(kubeProxy.get('mode')?.value, 'iptables')
  t.regex(kubeProxy.get('mode')?.at ?? '', /^config\.conf:\d+$/)
})

const rejected: readonly [string, string | Buffer | undefined, RegExp][] = [
  ['missing', undefined, /^can't read .*missing: ENOENT: no such file or directory$/],
  ['huge', Buffer.alloc(262_145, 'a'), /^.*huge is larger than 262144 bytes$/],
  ['binary', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0]), /^.*binary is binary$/],
  ['latin-1', Buffer.from('hostnameOverride: m\xfcnchen', 'latin1'), /^.*latin-1 is not in UTF-8$/],
]
for (const [name, content, message] of rejected) {
  test(`refuses a file that is ${name}, by one line and what to do`, async (t) => {
    const path = join(folder, name)
    if (content !== undefined) await writeFile(path, content)
    const error = await t.throwsAsync(readConfigFile(path), { instanceOf: ConfigFileError, message })
    t.is(error.code, 'CONFIG_UNREADABLE')
    t.regex(error.fix ?? '', /^(check|name) /)
  })
}

test('refuses a folder', async (t) => {
  await t.throwsAsync(readConfigFile(folder), { instanceOf: ConfigFileError, message: /EISDIR/ })
})

test('reads no more of an endless file than it would take', async (t) => {
  await t.throwsAsync(readConfigFile('/dev/zero'), { instanceOf: ConfigFileError, message: /larger than/ })
})
