import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { parseConfigDocument } from '../../config/config-document.ts'
import { resolveConfig } from '../../config/resolve-config.ts'
import { kubeadmConfig } from '../../config/test/kubeadm-config.ts'
import { configText } from '../write-config.ts'

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'pl-config-'))
test.after.always(() => rm(folder, { recursive: true }))
const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n'

/** The real program, as an operator would run it; the tests are serial because each is a process. */
function portolan(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

test.serial("config check says what kubeadm's file comes to", async (t) => {
  const { code, stdout } = await portolan('config', 'check', await write('kubeadm.conf', kubeadmConfig))
  t.is(code, 0)
  t.regex(stdout, /can be used, with dataplane iptables\n\nSet:\n(.*\n)*.*clusterCIDR +10\.244\.0\.0\/16/)
  t.regex(stdout, /\nDifferent from kube-proxy:\n(.*\n)* {2}kubeadm\.conf:31: iptables\.minSyncPeriod: /)
})

test.serial('config check names everything that is wrong, options of the dataplane among it', async (t) => {
  const path = await write('wrong.conf', `${head}mode: ipvs\nipvs: {scheduler: fastest}\nclusterCidr: x\n`)
  const { code, stdout } = await portolan('config', 'check', '--json', path)
  t.is(code, 1)
  t.like(JSON.parse(stdout), {
    usable: false,
    dataplane: 'ipvs',
    ignored: [{ kind: 'unknown', at: 'wrong.conf:5', setting: 'clusterCidr' }],
    problems: [{ value: 'ipvs', at: 'wrong.conf:3' }],
  })
  const broken = await portolan(
    'config',
    'check',
    await write('broken.conf', `${head}mode: x\noomScoreAdj: 2000\n`),
  )
  t.is(broken.code, 1)
  t.regex(
    broken.stdout,
    /To correct:\n {2}broken\.conf:3: mode 'x': .*\n {2}broken\.conf:4: oomScoreAdj '2000'/,
  )
})

test.serial('a file that is no text is refused by one line and what to do', async (t) => {
  const { code, stderr } = await portolan('config', 'check', '/dev/zero')
  t.is(code, 1)
  t.regex(stderr, /^portolan: \/dev\/zero is larger than 262144 bytes\n {2}fix: name a file with/)
})

test.serial('plan and explain read the file as run does, and tell what they leave out', async (t) => {
  const path = await write(
    'plan.conf',
    `${head}mode: nftables\nmasqueradeall: true\nnftables: {masqueradeBit: 3}\n`,
  )
  const { code, stdout, stderr } = await portolan(
    ...['plan', '--config', path, '--source', `file:${sample}`, '--node', 'node-a', '--masquerade-all'],
  )
  t.is(code, 0)
  t.regex(stdout, /0x0*8\b/)
  t.regex(stderr, /plan\.conf:4: masqueradeall: no such field/)
  t.regex(stderr, /--masquerade-all: not read beside --config/)
})

test.serial('run refuses a broken file with exit code 2, all mistakes at once', async (t) => {
  const path = await write('run.conf', `${head}mode: x\nconntrack: {min: many}\n`)
  const { code, stderr } = await portolan('run', '--config', path, '--log-level', 'loud')
  t.is(code, 2)
  t.regex(stderr, /run\.conf:3: mode 'x'.*\n.*run\.conf:4: conntrack\.min 'many'.*\n.*--log-level 'loud'/)
})

test.serial('--cleanup with neither true nor false is refused, rather than taken for a start', async (t) => {
  const { code, stderr } = await portolan('run', '--cleanup=yes', '--init-only=no', `--source=file:${sample}`)
  t.is(code, 2)
  t.regex(
    stderr,
    /^portolan: --cleanup 'yes': write true or false\nportolan: --init-only 'no': write true or false\n$/,
  )
})

test.serial('--write-config-to makes a file of flags that means the same', async (t) => {
  const path = join(folder, 'written.conf')
  const flags = ['--proxy-mode=ebpf', '-v=4', '--masquerade-all=true', '--ipvs-exclude-cidrs=192.0.2.0/24']
  const { code } = await portolan('run', `--write-config-to=${path}`, ...flags)
  t.is(code, 0)
  const text = await readFile(path, 'utf8')
  const { config, notes } = resolveConfig(
    { source: 'file:x' },
    { inCluster: false },
    parseConfigDocument(text, 'c'),
  )
  t.deepEqual(notes, [])
  t.like(config, {
    dataplane: 'ebpf',
    logLevel: 'debug',
    masqueradeAll: true,
    nodePortAddresses: ['primary'],
  })
})

/** As installers of clusters write them. */
const commandLines: readonly [string, readonly string[], object][] = [
  [
    'with an address of the API server',
    [
      '--cluster-cidr=100.96.0.0/11',
      '--conntrack-max-per-core=131072',
      '--hostname-override=node-a',
      '--kubeconfig=/var/lib/kube-proxy/kubeconfig',
      '--master=https://127.0.0.1',
      '--oom-score-adj=-998',
      '--v=2',
    ],
    {
      oomScoreAdj: -998,
      nodeName: 'node-a',
      logLevel: 'info',
      podDetection: { mode: 'ClusterCIDR', cidrs: ['100.96.0.0/11'] },
    },
  ],
  [
    'that leaves conntrack alone',
    [
      '--conntrack-max-per-core=0',
      '--conntrack-tcp-timeout-close-wait=0s',
      '--conntrack-tcp-timeout-established=0s',
      '--healthz-bind-address=127.0.0.1',
      '--proxy-mode=iptables',
    ],
    { dataplane: 'iptables', servers: { healthz: { address: '127.0.0.1', port: 10_256 } } },
  ],
  [
    'with periods for two modes',
    [
      '--iptables-sync-period=1m',
      '--iptables-min-sync-period=10s',
      '--ipvs-sync-period=1m',
      '--ipvs-min-sync-period=10s',
      '--detect-local-mode=NodeCIDR',
      '--masquerade-all',
      '--v',
      '4',
    ],
    {
      syncPeriod: 60_000,
      minSyncPeriod: 10_000,
      masqueradeAll: true,
      podDetection: { mode: 'NodeCIDR' },
      logLevel: 'debug',
    },
  ],
]
for (const [claim, args, expected] of commandLines) {
  test.serial(`a command line of kube-proxy ${claim} is taken as it is`, async (t) => {
    const path = join(folder, 'line.conf')
    const { code, stderr } = await portolan('run', ...args, '--write-config-to', path)
    t.is(code, 0, stderr)
    const { config } = resolveConfig(
      {},
      { inCluster: true },
      parseConfigDocument(await readFile(path, 'utf8'), 'c'),
    )
    t.like(config, expected)
  })
}

test.serial('--write-config-to names the flags that a file has no field for', async (t) => {
  const path = join(folder, 'partly.conf')
  const { code, stderr } = await portolan(
    ...['run', '--write-config-to', path, '--healthz-port=0', '--master=https://192.0.2.1:6443'],
  )
  t.is(code, 0)
  t.deepEqual(stderr.trimEnd().split('\n'), [
    `portolan: wrote the configuration to ${path}`,
    'portolan: --master is no part of it: give it beside --config',
    'portolan: --healthz-port 0 is no part of it: by a file /healthz is always served',
  ])
})

test('a written file is written again as it is', async (t) => {
  const read = (text: string) => resolveConfig({}, { inCluster: true }, parseConfigDocument(text, 'c'))
  const once = await configText(read(kubeadmConfig))
  t.is(await configText(read(once)), once)
})
