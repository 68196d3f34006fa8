import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { EventFields } from '../../log/logger.ts'
import type { Clock } from '../../time/clock.ts'
import { ConfigFileError, configFileVersion, readConfigFile } from '../config-file.ts'
import { ConfigWatch } from '../config-watch.ts'
import { type ResolvedConfig, resolveConfig } from '../resolve-config.ts'

const config = (fields: string, own = '') =>
  `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n${fields}\n` +
  `---\napiVersion: portolan.dev/v1alpha1\nkind: PortolanConfiguration\n${own}\n`

/** Its only timer fires when the test says so. */
class SteppedClock implements Clock {
  #task = (): void => {}
  #waiting = (): void => {}

  now(): number {
    return 0
  }

  after(_delayMs: number, task: () => void): () => void {
    this.#task = task
    this.#waiting()
    return () => {}
  }

  /** Fires it, and waits until it is set again. */
  async step(): Promise<void> {
    const next = new Promise<void>((resolve) => {
      this.#waiting = resolve
    })
    this.#task()
    await next
  }
}

/** A ConfigMap as kubelet mounts it: what is read is a link through `..data`, which is replaced by a rename. */
class ConfigMapMount {
  readonly path: string
  readonly #folder: string
  #count = 0

  constructor(folder: string) {
    this.#folder = folder
    this.path = join(folder, 'config.conf')
  }

  async swap(text: string): Promise<void> {
    const version = `..version-${this.#count++}`
    await mkdir(join(this.#folder, version))
    await writeFile(join(this.#folder, version, 'config.conf'), text)
    await symlink(version, join(this.#folder, '..data_tmp'))
    await rename(join(this.#folder, '..data_tmp'), join(this.#folder, '..data'))
    if (this.#count === 1) await symlink('..data/config.conf', this.path)
  }
}

type Read = () => Promise<ResolvedConfig>

/** @param readAgain reads the file, or fails to, once it is watched */
async function watch(t: ExecutionContext, text: string, readAgain = (read: Read) => read()) {
  const folder = await mkdtemp(join(tmpdir(), 'pl-watch-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const mount = new ConfigMapMount(folder)
  await mount.swap(text)
  const { path } = mount
  const read: Read = async () => resolveConfig({}, { inCluster: true }, await readConfigFile(path))
  const events: string[] = []
  const log = ({ event }: EventFields, _message: string) => void events.push(event)
  const reloaded: ResolvedConfig[] = []
  const notes: string[] = []
  const clock = new SteppedClock()
  const watched = new ConfigWatch({
    path,
    current: await read(),
    look: () => configFileVersion(path),
    read: () => readAgain(read),
    onReload: (resolved) => reloaded.push(resolved),
    onNotes: (fresh) => notes.push(...fresh.map(({ setting }) => setting)),
    clock,
    logger: { debug: () => {}, info: log, warn: log, error: log },
  })
  t.teardown(() => watched.stop())
  const step = () => Promise.race([clock.step(), watched.changed.catch(() => {})])
  /** Twice, for what is new at one look is read at the next. */
  const look = async () => {
    await step()
    await step()
  }
  return { mount, watched, events, reloaded, notes, step, look }
}

test('a level of the log is followed, through the link of a ConfigMap', async (t) => {
  const { mount, events, reloaded, look } = await watch(t, config('clusterCIDR: 10.0.0.0/8'))
  await look()
  t.deepEqual(events, [])
  await mount.swap(config('clusterCIDR: 10.0.0.0/8', 'logLevel: debug'))
  await look()
  t.deepEqual(events, ['config-reloaded'])
  t.deepEqual(
    reloaded.map(({ config }) => config.logLevel),
    ['debug'],
  )
  await mount.swap(
    config('clusterCIDR: 10.0.0.0/8\nfeatureGates: {A: true}\niptables: {syncPeriod: 1s}', 'logLevel: debug'),
  )
  await look()
  t.deepEqual(events, ['config-reloaded', 'config-reloaded'])
})

test('another field ends the process, and is named with both values', async (t) => {
  const { mount, watched, events, look } = await watch(t, config('clusterCIDR: 10.0.0.0/8'))
  await look()
  await mount.swap(config('clusterCIDR: 10.0.0.0/9\nfeatureGates: {A: true}', 'logLevel: debug'))
  await look()
  const error = await t.throwsAsync(watched.changed, {
    code: 'CONFIG_CHANGED',
    message: /config\.conf has changed clusterCIDR from "10\.0\.0\.0\/8" to "10\.0\.0\.0\/9"$/,
  })
  t.regex((error as { fix?: string }).fix ?? '', /start it again/)
  t.deepEqual(events, ['config-changed'])
})

test('another dataplane ends the process, so that the next one takes over', async (t) => {
  const { mount, watched, events, look } = await watch(t, config(''))
  await look()
  await mount.swap(config('', 'dataplane: ebpf\nlogLevel: debug'))
  await look()
  await t.throwsAsync(watched.changed, { code: 'CONFIG_CHANGED', message: /dataplane from "" to "ebpf"/ })
  t.deepEqual(events, ['config-changed'])
})

test('that a file is mended is told, also where it says what is in force again', async (t) => {
  const { mount, events, reloaded, look } = await watch(t, config(''))
  await look()
  for (const fields of ['mode: x', '', '# a comment']) {
    await mount.swap(config(fields))
    await look()
  }
  t.deepEqual(events, ['config-refused', 'config-reloaded'])
  t.deepEqual(reloaded, [])
})

test('a mistake in a name is told, though it changes nothing, and once', async (t) => {
  const { mount, events, notes, look } = await watch(t, config('old: 1'))
  for (const fields of ['old: 1\nclusterCidr: 10.0.0.0/8', '# moved\nold: 1\nclusterCidr: 10.0.0.0/8']) {
    await mount.swap(config(fields))
    await look()
  }
  t.deepEqual(notes, ['clusterCidr'])
  t.deepEqual(events, [])
})

test('a comment, another order or the same text again is no change', async (t) => {
  const { mount, events, look } = await watch(t, config('clusterCIDR: 10.0.0.0/8\noomScoreAdj: 1'))
  await mount.swap(config('# a comment\noomScoreAdj: 1\nclusterCIDR: 10.0.0.0/8'))
  await look()
  await mount.swap(config('# a comment\noomScoreAdj: 1\nclusterCIDR: 10.0.0.0/8'))
  await look()
  t.deepEqual(events, [])
})

test('a file that is broken or gone changes nothing and is told once; the next good one counts', async (t) => {
  const { mount, events, reloaded, look } = await watch(t, config(''))
  await mount.swap(config('mode: x'))
  await look()
  await look()
  t.deepEqual(events, ['config-refused'])
  await rm(mount.path)
  await look()
  await look()
  t.deepEqual(events, ['config-refused', 'config-refused'])
  await writeFile(mount.path, config('', 'logLevel: warn'))
  await look()
  t.deepEqual(events.at(-1), 'config-reloaded')
  t.is(reloaded.length, 1)
})

test('a file that can not be read for a while is told once, and read later without another write', async (t) => {
  let isOutOfFiles = false
  const { mount, events, reloaded, look } = await watch(t, config(''), async (read) => {
    if (isOutOfFiles) throw new ConfigFileError('EMFILE: too many open files', 'close some')
    return read()
  })
  await look()
  isOutOfFiles = true
  await mount.swap(config('', 'logLevel: debug'))
  await look()
  await look()
  t.deepEqual(events, ['config-refused'])
  isOutOfFiles = false
  await look()
  t.deepEqual(events, ['config-refused', 'config-reloaded'])
  t.is(reloaded.length, 1)
  await look()
  t.is(reloaded.length, 1)
})

test('a file that is being written is waited for', async (t) => {
  const { mount, events, step, look } = await watch(t, config(''))
  await look()
  for (let size = 1; size < 4; size++) {
    await truncate(mount.path, size)
    await step()
  }
  await writeFile(mount.path, config('# as before'))
  await look()
  t.deepEqual(events, [])
})
