/** What is published, as whoever installs it has it: outside the checkout, on plain Node.js. */
import { glob, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createLab } from '@portolan/lab'
import test from 'ava'
import { execa } from 'execa'
import { install } from '../install.ts'
import { type Archive, pack } from '../pack.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'portolan-packages-'))
const installed = join(folder, 'installed')
const cluster = ['--source', `file:${join(root, 'docs', 'sample-cluster.yaml')}`, '--node', 'node-a']
/** Node.js as `env` finds it for the programs, and the system's tools. No loader, no flag, nothing of the checkout. */
const env = { PATH: `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: folder }
let archives: readonly Archive[] = []

/** The command as the package brings it. */
const portolan = (...args: readonly string[]) =>
  execa(join(installed, 'node_modules', 'portolan', 'portolan.js'), args, {
    cwd: folder,
    env,
    extendEnv: false,
  })

test.before(async (t) => {
  t.timeout(1_100_000)
  const into = join(folder, 'archives')
  await mkdir(into)
  for (const name of ['other.tgz', 'portolan-core-0.0.1.tgz']) await writeFile(join(into, name), '')
  archives = await pack(root, into)
  await install({ root, folder: installed, archives })
})

test.after.always(() => rm(folder, { recursive: true, force: true }))

test.serial('the command tells what is installed: its own version, and all four dataplanes', async (t) => {
  const { version } = JSON.parse(await readFile(join(root, 'portolan', 'package.json'), 'utf8'))
  t.is((await portolan('--version')).stdout, version)
  const told = JSON.parse((await portolan('version', '--json')).stdout)
  t.is(told.portolan, version)
  t.is(told.node, process.versions.node)
  const dataplanes = told.dataplanes as { name: string; version: string }[]
  t.deepEqual(dataplanes.map(({ name }) => name).toSorted(), ['ebpf', 'iptables', 'ipvs', 'nftables'])
  t.deepEqual(new Set(dataplanes.map((one) => one.version)), new Set([version]))
  t.regex((await portolan('--help')).stdout, /^Usage: portolan /)
})

for (const dataplane of ['nftables', 'iptables', 'ipvs', 'ebpf'])
  test.serial(`plan and explain work as installed: ${dataplane}`, async (t) => {
    const plan = await portolan('plan', ...cluster, '--dataplane', dataplane)
    t.regex(plan.stdout, /203\.0\.113\.10/)
    const question = ['--from', 'outside', '--to', '203.0.113.10:80', '--json']
    const { stdout } = await portolan('explain', ...cluster, '--dataplane', dataplane, ...question)
    const { verdict, rules } = JSON.parse(stdout)
    t.is(verdict, 'balance')
    t.true(rules.length > 0)
  })

const service = `
kind: Service
apiVersion: v1
metadata: { namespace: shop, name: web }
spec: { clusterIP: 10.96.0.10, ports: [{ protocol: TCP, port: 80 }] }
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: { namespace: shop, name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ protocol: TCP, port: 8080 }]
endpoints: [{ addresses: [10.1.0.2] }]
`

// With eBPF, which needs the compiled programs and a worker of its own from the archive.
for (const dataplane of ['nftables', 'ebpf'])
  test.serial(`run serves a node as installed, and cleanup removes its rules: ${dataplane}`, async (t) => {
    t.timeout(900_000)
    await using lab = await createLab()
    await lab.pods[0]!.serve('TCP', '10.1.0.2', 8080)
    const file = join(folder, 'cluster.yaml')
    await writeFile(file, service)
    const program = join(installed, 'node_modules', 'portolan', 'portolan.js')
    const enter = [`--net=${lab.node.networkNamespace}`, program]
    // Other tests' sockets are none of its business.
    const cgroup = dataplane === 'ebpf' ? process.env.PORTOLAN_TEST_CGROUP : undefined
    const own = [
      ...['--dataplane', dataplane],
      ...(cgroup === undefined ? [] : ['--dataplane-option', `cgroup=${cgroup}`]),
    ]
    const run = execa(
      'nsenter',
      [
        ...enter,
        'run',
        '--source',
        `file:${file}`,
        '--node',
        'node-a',
        '--cluster-cidr',
        '10.1.0.0/16',
        ...own,
      ],
      { env, extendEnv: false, cwd: folder, reject: false },
    )
    const said: string[] = []
    for await (const line of createInterface({ input: run.stdout })) {
      said.push(line)
      if (line.includes('node in sync')) break
    }
    const ask = (timeoutMs = 30_000) =>
      lab.pods[1]!.probe({ protocol: 'TCP', to: { address: '10.96.0.10', port: 80 }, timeoutMs })
    t.like(await ask(), { result: 'answered', host: 'pod0' }, said.join('\n'))
    run.kill('SIGTERM')
    t.is((await run).exitCode, 0)
    t.is((await ask()).result, 'answered', 'the rules stay')
    await execa('nsenter', [...enter, 'cleanup', ...own], { env, extendEnv: false })
    // The kernel detaches programs at sockets some time after their last link is gone.
    let after = await ask(1000)
    for (const end = performance.now() + 60_000; after.result === 'answered' && performance.now() < end; ) {
      await sleep(100)
      after = await ask(1000)
    }
    t.not(after.result, 'answered', JSON.stringify(after))
  })

test.serial('bench measures as installed: the core, and a dataplane in its lab', async (t) => {
  t.timeout(900_000)
  const json = join(folder, 'results.json')
  const grid = ['--services', '10', '--endpoints', '2', '--dataplane', 'nftables']
  const files = ['--json', json, '--report', join(folder, 'report.html')]
  await portolan('bench', ...grid, '--scenario', 'core,cold-start', ...files)
  const { results } = JSON.parse(await readFile(json, 'utf8')) as { results: { metric: string }[] }
  const metrics = results.map(({ metric }) => metric)
  t.true(metrics.includes('tableBuild'), metrics.join())
  t.true(metrics.includes('startToProgrammed'), metrics.join())
})

test.serial('the kit proves a dataplane as installed', async (t) => {
  t.timeout(900_000)
  const program = join(installed, 'prove.mjs')
  await writeFile(
    program,
    `import { printMatrix, runConformance } from '@portolan/conformance'
import factory from '@portolan/dataplane-nftables'
const { rows } = await runConformance({
  factory,
  module: import.meta.resolve('@portolan/dataplane-nftables'),
  families: ['IPv4'],
  slowness: 3,
  filter: ({ name }) => name.startsWith('a ClusterIP '),
})
console.error(printMatrix(rows))
console.log(JSON.stringify(rows.map(({ name, outcome, detail }) => ({ name, outcome, detail }))))
`,
  )
  const { stdout } = await execa(process.execPath, [program], { env, extendEnv: false, cwd: installed })
  const rows = JSON.parse(stdout) as { name: string; outcome: string; detail: string }[]
  t.true(rows.length >= 2)
  t.deepEqual(
    rows.filter(({ outcome }) => outcome !== 'passed'),
    [],
  )
})

test.serial('a search for faults works as installed, and finds none', async (t) => {
  t.timeout(900_000)
  const { stdout } = await portolan('fuzz', 'nftables', '--seed', '1', '--rounds', '2', '--slowness', '3')
  t.regex(
    stdout,
    /^nftables: nothing found: 6 rounds, \d+ histories, \d+ probes, \d+ conversations in \d+ s, /m,
  )
})

test.serial('the eBPF programs come compiled, for processors of little endian', async (t) => {
  for (const name of ['portolan', 'close']) {
    const path = join(installed, 'node_modules', '@portolan', 'native', 'bpf', `${name}.bpf.o`)
    const header = await readFile(path)
    t.is(header.toString('latin1', 1, 4), 'ELF')
    t.is(header[5], 1, 'ELFDATA2LSB: x64 and arm64')
    t.is(header.readUInt16LE(18), 247, 'EM_BPF')
    t.false(header.includes(root), 'nothing of the folder where they were compiled')
  }
})

test.serial('the archives have what is published, and nothing that only the checkout needs', (t) => {
  t.deepEqual(
    archives.map(({ name }) => name).toSorted(),
    [
      ...['api-server', 'bench', 'conformance', 'core', 'create-dataplane', 'dataplane-ebpf'],
      ...['dataplane-iptables', 'dataplane-ipvs', 'dataplane-nftables', 'eval', 'lab', 'native', 'vm'],
    ]
      .map((name) => `@portolan/${name}`)
      .concat('portolan'),
  )
  for (const { name, files } of archives) {
    const paths = files.map(({ path }) => path)
    for (const path of ['LICENSE', 'README.md', 'package.json'])
      t.true(paths.includes(path), `${name}: ${path}`)
    t.deepEqual(
      paths.filter((path) => !path.startsWith('templates/') && /(^|\/)test\/|(?<!\.d)\.ts$/.test(path)),
      [],
      name,
    )
  }
})

test.serial('archives of an earlier run make room, and those of others stay', async (t) => {
  const names = archives.map(({ path }) => basename(path))
  t.deepEqual((await readdir(join(folder, 'archives'))).toSorted(), ['other.tgz', ...names].toSorted())
})

test.serial(
  'source maps hold their source, and name it beside the module, wherever the checkout was',
  async (t) => {
    const ours = join(installed, 'node_modules')
    let count = 0
    for await (const path of glob('{portolan,@portolan/*}/**/*.map', { cwd: ours })) {
      const { sources, sourcesContent } = JSON.parse(await readFile(join(ours, path), 'utf8'))
      t.deepEqual(sources, [basename(path).replace(/\.js\.map$/, '.ts')], path)
      t.is(typeof sourcesContent[0], 'string', path)
      count++
    }
    t.true(count > 500, String(count))
  },
)
