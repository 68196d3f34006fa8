import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import type { ConntrackConfig } from '../../config/proxy-config.ts'
import type { EventFields } from '../../log/logger.ts'
import { setOomScore } from '../oom-score.ts'
import { prepareNode } from '../prepare-node.ts'
import { NodeNamespace } from './node-namespace.ts'

const standard: ConntrackConfig = {
  maxPerCore: 32_768,
  min: 131_072,
  tcpEstablishedTimeout: 86_400_000,
  tcpCloseWaitTimeout: 3_600_000,
  udpTimeout: 0,
  udpStreamTimeout: 0,
  tcpBeLiberal: false,
}

const directory = 'proc/sys/net/netfilter'

/** As a kernel has them that nobody has configured. */
const usual = {
  max: '65536',
  tcp_timeout_established: '432000',
  tcp_timeout_close_wait: '60',
  tcp_be_liberal: '0',
}

class Machine {
  readonly root: string
  readonly lines: { readonly level: 'info' | 'warn'; readonly event: string; readonly text: string }[] = []
  readonly logger = {
    info: ({ event }: EventFields, text: string) => void this.lines.push({ level: 'info', event, text }),
    warn: ({ event }: EventFields, text: string) => void this.lines.push({ level: 'warn', event, text }),
  }

  private constructor(root: string) {
    this.root = root
  }

  static async create(t: ExecutionContext, values: Readonly<Record<string, string>>, buckets?: string) {
    const machine = new Machine(await mkdtemp(join(tmpdir(), 'pl-machine-')))
    t.teardown(() => rm(machine.root, { recursive: true }))
    for (const [name, value] of Object.entries(values))
      await machine.write(`${directory}/nf_conntrack_${name}`, value)
    if (buckets !== undefined) await machine.write(`${directory}/nf_conntrack_buckets`, buckets)
    return machine
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.root, path)), { recursive: true })
    await writeFile(join(this.root, path), text)
  }

  async read(name: string): Promise<string> {
    return (await readFile(join(this.root, `${directory}/nf_conntrack_${name}`), 'utf8')).trim()
  }

  prepare(conntrack: Partial<ConntrackConfig> = {}, loadModule = async (_name: string): Promise<void> => {}) {
    const { root, logger } = this
    return prepareNode({
      config: { conntrack: { ...standard, ...conntrack } },
      logger,
      root,
      cpus: 8,
      loadModule,
    })
  }
}

test('kube-proxy’s sysctls are set, and told', async (t) => {
  const machine = await Machine.create(t, usual, '16384')
  t.deepEqual(await machine.prepare(), [])
  t.is(await machine.read('max'), '262144')
  t.is(await machine.read('buckets'), '65536')
  t.is(await machine.read('tcp_timeout_established'), '86400')
  t.is(await machine.read('tcp_timeout_close_wait'), '3600')
  t.is(await machine.read('tcp_be_liberal'), '0')
  t.deepEqual([...new Set(machine.lines.map(({ event }) => event))], ['sysctl-set'])
  machine.lines.length = 0
  await machine.prepare()
  t.deepEqual(machine.lines, [], 'what is right is left alone')
})

test('more room than is asked for stays', async (t) => {
  const machine = await Machine.create(t, { ...usual, max: '1000000' }, '250000')
  await machine.prepare()
  t.is(await machine.read('max'), '1000000')
  t.is(await machine.read('buckets'), '250000')
})

test("a container's own settings are left alone where it sees the node's", async (t) => {
  const machine = await Machine.create(t, usual, '16384')
  const ofNode = `host/${directory}/nf_conntrack_max`
  await machine.write(ofNode, '65536')
  await machine.prepare()
  t.is(await machine.read('max'), '65536')
  t.is(await readFile(join(machine.root, ofNode), 'utf8'), '262144')
})

for (const [does, config, due] of [
  ['min counts where the CPUs ask for less', { maxPerCore: 1 }, '131072'],
  ['the CPUs ask for a million at most', { maxPerCore: 10_000_000 }, '1048576'],
  ['min may be more than that', { maxPerCore: 1, min: 2_000_000 }, '2000000'],
  ['without a number for each CPU it stays', { maxPerCore: 0 }, '65536'],
] as const)
  test(`nf_conntrack_max: ${does}`, async (t) => {
    const machine = await Machine.create(t, usual, '16384')
    await machine.prepare(config)
    t.is(await machine.read('max'), due)
  })

test('what is 0 stays, and the rest is set as it is given', async (t) => {
  const machine = await Machine.create(t, { ...usual, udp_timeout: '30', udp_timeout_stream: '120' }, '16384')
  await machine.prepare({
    maxPerCore: 0,
    tcpEstablishedTimeout: 0,
    tcpCloseWaitTimeout: 0,
    udpTimeout: 1500,
    udpStreamTimeout: 300_000,
    tcpBeLiberal: true,
  })
  t.is(await machine.read('tcp_timeout_established'), '432000')
  t.is(await machine.read('tcp_timeout_close_wait'), '60')
  t.is(await machine.read('udp_timeout'), '2')
  t.is(await machine.read('udp_timeout_stream'), '300')
  t.is(await machine.read('tcp_be_liberal'), '1')
})

test('the module is loaded where its sysctls are missing; without it each is a warning, and the rest goes on', async (t) => {
  const loaded = await Machine.create(t, {})
  t.deepEqual(
    await loaded.prepare({}, async (name) => {
      t.is(name, 'nf_conntrack')
      for (const [sysctl, value] of Object.entries(usual))
        await loaded.write(`${directory}/nf_conntrack_${sysctl}`, value)
      await loaded.write(`${directory}/nf_conntrack_buckets`, '16384')
    }),
    [],
  )
  t.is(await loaded.read('max'), '262144')

  const without = await Machine.create(t, { tcp_timeout_close_wait: '60' })
  t.deepEqual(await without.prepare(), [
    'net.netfilter.nf_conntrack_max',
    'net.netfilter.nf_conntrack_tcp_timeout_established',
  ])
  t.is(await without.read('tcp_timeout_close_wait'), '3600')
  const [first] = without.lines
  t.is(first?.event, 'sysctl-not-set')
  t.regex(first?.text ?? '', /nf_conntrack_max is not there, .*load the module nf_conntrack/)
})

test('in a network namespace of its own the kernel takes its timeouts, and refuses what belongs to the machine', async (t) => {
  const node = await NodeNamespace.create(t)
  // Looks in only one way: a machine that is asked for ever so much room stays as it is.
  const script = `
    import { prepareNode } from ${JSON.stringify(new URL('../prepare-node.ts', import.meta.url).href)}
    const lines = []
    const logger = { info: ({ name }) => lines.push('set ' + name), warn: (_, text) => lines.push(text) }
    const conntrack = ${JSON.stringify({ ...standard, min: 2_000_000_000 })}
    await prepareNode({ config: { conntrack }, logger, cpus: 1, loadModule: async () => {} })
    console.log(JSON.stringify(lines))
  `
  const max = (await node.run('sysctl', '-n', 'net.netfilter.nf_conntrack_max')).trim()
  const said = await node.run(process.execPath, '--input-type=module', '-e', script)
  const lines = JSON.parse(said) as string[]
  t.regex(
    lines[0] ?? '',
    new RegExp(`^net.netfilter.nf_conntrack_max stays ${max}, though 2000000000 is asked for`),
  )
  t.deepEqual(lines.slice(1), [
    'set net.netfilter.nf_conntrack_tcp_timeout_established',
    'set net.netfilter.nf_conntrack_tcp_timeout_close_wait',
  ])
  for (const [name, due] of [
    ['tcp_timeout_established', '86400'],
    ['tcp_timeout_close_wait', '3600'],
    ['max', max],
  ] as const)
    t.is((await node.run('sysctl', '-n', `net.netfilter.nf_conntrack_${name}`)).trim(), due)
})

test('what can not even be looked at is a warning, and everything else goes on', async (t) => {
  const machine = await Machine.create(t, {})
  await machine.write(directory, '')
  t.true((await machine.prepare()).includes('net.netfilter.nf_conntrack_tcp_timeout_close_wait'))
  t.regex(machine.lines[0]?.text ?? '', /nf_conntrack_max can not be read, .*ENOTDIR/)
})

test("the process's OOM score is set; where that is refused it is a warning", async (t) => {
  const machine = await Machine.create(t, {})
  await machine.write('proc/self/oom_score_adj', '0\n')
  await setOomScore(-999, machine.logger, machine.root)
  t.is(await readFile(join(machine.root, 'proc/self/oom_score_adj'), 'utf8'), '-999')
  t.deepEqual(machine.lines, [])
  await setOomScore(-999, machine.logger, join(machine.root, 'nowhere'))
  t.is(machine.lines[0]?.event, 'oom-score-not-set')
})

test("a critical pod's OOM score is low enough, and stays without a word where a lower one is refused", async (t) => {
  const machine = await Machine.create(t, {})
  const path = join(machine.root, 'proc/self/oom_score_adj')
  const script = `
    import { setOomScore } from ${JSON.stringify(new URL('../oom-score.ts', import.meta.url).href)}
    const logger = { warn: ({ value, reason }) => console.log(value, reason) }
    await setOomScore(-999, logger, ${JSON.stringify(machine.root)})
  `
  // Root without capabilities can't write to what nobody may write to.
  const powerless = ['--bounding-set=-all', '--inh-caps=-all', process.execPath, '--input-type=module', '-e']
  for (const [score, said] of [
    ['-997', ''],
    ['-996', '-999 EACCES\n'],
  ] as const) {
    await rm(path, { force: true })
    await machine.write('proc/self/oom_score_adj', score)
    await chmod(path, 0o444)
    const { stdout } = await promisify(execFile)('setpriv', [...powerless, script])
    t.is(stdout, said)
  }
})
