import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { Explanation } from '../../explain/explanation.ts'

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the real program, as a user would; the tests are serial because each is a process. */
function portolan(...args: string[]): Promise<Outcome> {
  const { KUBERNETES_SERVICE_HOST: _, ...env } = process.env
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

async function explain(...args: string[]): Promise<Explanation> {
  const { stdout } = await portolan('explain', '--source', `file:${sample}`, '--json', ...args)
  return JSON.parse(stdout) as Explanation
}

const onNodeA = ['--node', 'node-a', '--cluster-cidr', '10.244.0.0/16,fd00:10:244::/48']

interface Row {
  readonly claim: string
  readonly args: readonly string[]
  readonly expected: Partial<Explanation>
  readonly reason: RegExp
}

const rows: readonly Row[] = [
  {
    claim: 'a client outside gets only local endpoints and keeps its address (externalTrafficPolicy Local)',
    args: [...onNodeA, '--from', 'outside', '--to', '203.0.113.10:80'],
    expected: {
      verdict: 'balance',
      endpoints: ['10.244.1.10:8080'],
      masquerade: false,
      route: 'shop/web:http',
      frontend: 'LoadBalancer',
    },
    reason: /externalTrafficPolicy Local and the source is outside/,
  },
  {
    claim: 'a local pod takes the short cut to all endpoints',
    args: [...onNodeA, '--from', 'pod', '--to', '203.0.113.10:80'],
    expected: { verdict: 'balance', endpoints: ['10.244.1.10:8080', '10.244.2.10:8080'], masquerade: false },
    reason: /local pod/,
  },
  {
    claim: 'the node itself is masqueraded',
    args: [...onNodeA, '--from', 'node', '--to', 'node:30080'],
    expected: { verdict: 'balance', masquerade: true, frontend: 'NodePort' },
    reason: /masqueraded/,
  },
  {
    claim: 'without a detector a pod is like outside, and the reason says so',
    args: ['--node', 'node-a', '--from', 'pod', '--to', '203.0.113.10:80'],
    expected: { verdict: 'balance', endpoints: ['10.244.1.10:8080'] },
    reason: /a pod is treated as from outside, since nothing tells pods/,
  },
  {
    claim: 'endpoints elsewhere only: dropped, with their number',
    args: [...onNodeA, '--from', 'outside', '--to', 'node:30443'],
    expected: {
      verdict: 'drop',
      endpoints: [],
      masquerade: false,
      route: 'shop/orders:https',
      frontend: 'NodePort',
    },
    reason: /only endpoints on this node; none is ready, 2 elsewhere: dropped/,
  },
  {
    claim: 'a source outside loadBalancerSourceRanges is dropped',
    args: ['--node', 'node-c', '--from', '192.0.2.1', '--to', '203.0.113.30:443/tcp'],
    expected: { verdict: 'drop', route: 'shop/orders:https', frontend: 'LoadBalancer' },
    reason: /loadBalancerSourceRanges \(198\.51\.100\.0\/24\)/,
  },
  {
    claim: 'a source inside loadBalancerSourceRanges is served',
    args: ['--node', 'node-c', '--from', '198.51.100.7', '--to', '203.0.113.30:443'],
    expected: { verdict: 'balance', endpoints: ['10.244.3.30:8443', '10.244.3.31:8443'] },
    reason: /./,
  },
  {
    claim: 'no endpoint anywhere: rejected',
    args: [...onNodeA, '--from', 'pod', '--to', '10.96.0.40:80'],
    expected: { verdict: 'reject', route: 'shop/payments:http', frontend: 'ClusterIP' },
    reason: /nothing serves shop\/payments:http anywhere/,
  },
  {
    claim: 'internalTrafficPolicy Local without a local endpoint: dropped',
    args: [...onNodeA, '--from', 'pod', '--to', '10.96.0.60:4317'],
    expected: { verdict: 'drop', route: 'kube-system/logs:otlp' },
    reason: /internalTrafficPolicy Local/,
  },
  {
    claim: "zone hints keep a node to its zone's endpoints",
    args: [...onNodeA, '--from', 'pod', '--to', '10.96.0.53:53/UDP'],
    expected: { verdict: 'balance', endpoints: ['10.244.2.53:5353'], route: 'kube-system/dns:dns' },
    reason: /zone-1/,
  },
  {
    claim: 'session affinity is told',
    args: [...onNodeA, '--from', 'pod', '--to', '10.96.0.20:80'],
    expected: { verdict: 'balance' },
    reason: /600 s/,
  },
  {
    claim: 'another port of a ClusterIP is rejected; no route answers there',
    args: [...onNodeA, '--from', 'pod', '--to', '10.96.0.10:81'],
    expected: { verdict: 'reject', endpoints: [], route: null, frontend: null },
    reason: /10\.96\.0\.10 is the ClusterIP of a Service without TCP port 81/,
  },
  {
    claim: 'an unallocated ClusterIP is dropped',
    args: [...onNodeA, '--from', 'pod', '--to', '10.96.77.7:80'],
    expected: { verdict: 'drop', route: null, frontend: null },
    reason: /no Service has it/,
  },
  {
    claim: 'anything else is none of our business',
    args: [...onNodeA, '--from', 'pod', '--to', '192.0.2.1:80'],
    expected: { verdict: 'none', endpoints: [], masquerade: false, route: null, frontend: null, rules: [] },
    reason: /not touched/,
  },
  {
    claim: 'IPv6 in brackets, with the same rules',
    args: [...onNodeA, '--from', 'outside', '--to', '[2001:db8:cafe::10]:80'],
    expected: { verdict: 'balance', endpoints: ['[fd00:10:244:1::10]:8080'], route: 'shop/web:http' },
    reason: /Local/,
  },
  {
    claim: 'node:PORT takes the family that is asked for',
    args: [...onNodeA, '--from', 'outside', '--to', 'NODE:30080', '--family', 'IPv6'],
    expected: { verdict: 'balance', endpoints: ['[fd00:10:244:1::10]:8080'], frontend: 'NodePort' },
    reason: /./,
  },
  {
    claim: 'an IP in the cluster CIDR is a pod',
    args: [...onNodeA, '--from', '10.244.1.10', '--to', '10.96.0.10:80'],
    expected: { verdict: 'balance', masquerade: false },
    reason: /hairpin/,
  },
  {
    claim: 'an IP of the Node object is this node',
    args: [...onNodeA, '--from', '192.168.50.11', '--to', '10.96.0.10:80'],
    expected: { verdict: 'balance', masquerade: true },
    reason: /masqueraded/,
  },
  {
    claim: 'a pod is known by the bridge that it is on',
    args: [
      '--node',
      'node-a',
      '--detect-local-mode',
      'BridgeInterface',
      '--pod-bridge-interface',
      'cbr0',
    ].concat(['--from', '10.244.1.10', '--to', 'node:30443']),
    expected: { verdict: 'balance', masquerade: false },
    reason: /local pod/,
  },
]

for (const { claim, args, expected, reason } of rows) {
  test.serial(`explain: ${claim}`, async (t) => {
    const explanation = await explain(...args)
    t.like(explanation, expected)
    t.regex(explanation.reason, reason)
    if (explanation.verdict !== 'none') t.true(explanation.rules.length > 0)
  })
}

test.serial('explain --json has exactly the promised keys, in their order', async (t) => {
  const keys = [
    'verdict',
    'endpoints',
    'masquerade',
    'route',
    'frontend',
    'reason',
    'rules',
    'masqueraded',
    'fix',
    'kernel',
  ]
  t.deepEqual(Object.keys(await explain(...onNodeA, '--from', 'pod', '--to', '10.96.0.10:80')), keys)
  t.deepEqual(Object.keys(await explain(...onNodeA, '--from', 'pod', '--to', '192.0.2.1:80')), keys)
})

test.serial('explain for a person names verdict, service, endpoints and reason', async (t) => {
  const args = ['--source', `file:${sample}`, ...onNodeA, '--from', 'outside', '--to', '203.0.113.10:80']
  const { code, stdout } = await portolan('explain', ...args)
  t.is(code, 0)
  t.regex(stdout, /^203\.0\.113\.254 \(outside\) -> 203\.0\.113\.10:80\/TCP\n/)
  for (const line of [
    /^verdict +balance$/m,
    /^service +shop\/web:http \(LoadBalancer\)$/m,
    /^endpoints +10\.244\.1\.10:8080$/m,
  ]) {
    t.regex(stdout, line)
  }
})

const mistakes: readonly [string, readonly string[], number, RegExp][] = [
  ['an unknown command', ['nope'], 2, /unknown command 'nope'/],
  ['an unknown flag', ['plan', '--nope'], 2, /unknown option '--nope'/],
  ['a missing flag', ['explain', '--source', `file:${sample}`, '--from', 'pod'], 2, /'--to <destination>'/],
  ['a missing source', ['plan'], 2, /--kubeconfig FILE or --source file:cluster\.yaml/],
  [
    'a wrong kube-proxy flag',
    ['plan', '--source', `file:${sample}`, '--cluster-cidr', 'x'],
    2,
    /--cluster-cidr 'x'/,
  ],
  [
    'a missing file',
    ['plan', '--source', 'file:nowhere.yaml'],
    1,
    /can't read nowhere\.yaml.*\n.*check the path/,
  ],
  [
    'an unnamed node',
    ['plan', '--source', `file:${sample}`],
    1,
    /choose one with --node: node-a, node-b, node-c/,
  ],
  ['a wrong node', ['plan', '--source', `file:${sample}`, '--node', 'x'], 1, /no Node 'x'/],
  [
    'an IPv6 address without brackets',
    ['explain', '--source', `file:${sample}`, '--node', 'node-a', '--from', 'pod', '--to', 'fd00::1:80'],
    2,
    /needs brackets/,
  ],
  [
    'a source of the wrong family',
    [
      'explain',
      '--source',
      `file:${sample}`,
      '--node',
      'node-a',
      '--from',
      'fd00::1',
      '--to',
      '10.96.0.10:80',
    ],
    2,
    /the destination is IPv4/,
  ],
  [
    'a dataplane that is not installed',
    ['plan', '--source', `file:${sample}`, '--node', 'node-a', '--dataplane', '@acme/none'],
    1,
    /npm install @acme\/none/,
  ],
  [
    'a dataplane that is not installed, to explain by',
    [
      ...['explain', '--source', `file:${sample}`, '--node', 'node-a', '--dataplane', '@acme/none'],
      ...['--from', 'pod', '--to', '10.96.0.10:80'],
    ],
    1,
    /npm install @acme\/none/,
  ],
]

for (const [claim, args, code, message] of mistakes) {
  test.serial(`${claim} is told in words, with exit code ${code} and no stack`, async (t) => {
    const outcome = await portolan(...args)
    t.is(outcome.code, code)
    t.regex(outcome.stderr, message)
    t.notRegex(outcome.stderr, /^ +at /m)
    t.is(outcome.stdout, '')
  })
}

test.serial('a file that is cut in the middle is told with its line', async (t) => {
  const path = await clusterFile(t, 'apiVersion: v1\nkind: Service\nmetadata: {name: web\n')
  const { code, stderr } = await portolan('plan', '--source', `file:${path}`)
  t.is(code, 1)
  t.regex(stderr, /cluster\.yaml, line \d+, column \d+: /)
})

test.serial('an object that is broken is told, and the others are planned', async (t) => {
  const service = (name: string, ip: string) =>
    `{kind: Service, metadata: {name: ${name}, namespace: shop}, spec: {clusterIP: ${ip}, ports: [{port: 80}]}}\n---\n`
  const path = await clusterFile(t, service('bad', '10.96.0.999') + service('good', '10.96.0.7'))
  const { code, stdout, stderr } = await portolan('plan', '--source', `file:${path}`, '--node', 'node-a')
  t.is(code, 0)
  t.regex(stderr, /Service shop\/bad: .*10\.96\.0\.999/)
  t.regex(stderr, /1 problem in objects: Service spec\.clusterIP 1; what they concern is left out/)
  t.regex(stdout, /10\.96\.0\.7/)
})

test.serial('a file with one Node needs no --node', async (t) => {
  const path = await clusterFile(t, '{kind: Node, metadata: {name: only}}\n')
  const { code, stderr } = await portolan('plan', '--source', `file:${path}`)
  t.is(code, 0)
  t.regex(stderr, /node only by file/)
})

test.serial('plan prints both families as nft text, and its counts on stderr', async (t) => {
  const { code, stdout, stderr } = await portolan('plan', '--source', `file:${sample}`, '--node', 'node-a')
  t.is(code, 0)
  t.true(stdout.indexOf('add table ip portolan') < stdout.indexOf('add table ip6 portolan'))
  t.regex(stderr, /IPv4, from nothing: \d+ routes, \d+ frontends, \d+ operations of nftables/)
})

for (const command of ['run', 'plan', 'explain', 'cleanup', 'help-dataplane']) {
  test.serial(`${command} --help shows examples and exit codes`, async (t) => {
    const { code, stdout } = await portolan(command, '--help')
    t.is(code, 0)
    t.regex(stdout, new RegExp(`Examples:\\n  \\$ portolan ${command}`))
    t.regex(stdout, /Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong/)
  })
}

test.serial(
  'help-dataplane shows gaps, and each option with its choices, its default and what it is for',
  async (t) => {
    const { code, stdout } = await portolan('help-dataplane', 'ipvs')
    t.is(code, 0)
    t.regex(stdout, /^Dataplane ipvs: IPv4, IPv6; TCP, UDP, SCTP$/m)
    t.regex(
      stdout,
      /^ {2}transport=netlink\|ipvsadm\n {6}how programs reach the kernel: .*\(default: netlink\)$/m,
    )
    t.regex(stdout, /^ {2}tcp-timeout=0\.\.2147483$/m)
    t.regex(stdout, /^ {2}exclude-cidrs=CIDR,\.\.\.$/m)
  },
)

test.serial('an option that the dataplane does not know is refused, with those that it knows', async (t) => {
  const wrong = ['--dataplane-option', 'transprot=nft']
  const { code, stderr } = await portolan('plan', '--source', `file:${sample}`, '--node', 'node-a', ...wrong)
  t.is(code, 2)
  t.regex(stderr, /dataplane 'nftables': unknown option transprot; known: transport/)
  t.regex(stderr, /portolan help-dataplane nftables/)
})

test.serial('install tells that its Namespace goes with all that others have in it', async (t) => {
  const args = ['install', '--print', '--api-server', '192.0.2.10', '--cluster-cidr', '10.244.0.0/16']
  t.is((await portolan(...args)).stderr, '')
  const { code, stdout, stderr } = await portolan(...args, '--namespace', 'proxies')
  t.is(code, 0)
  t.regex(stdout, /^kind: Namespace\n/m)
  t.regex(
    stderr,
    /^portolan: the Namespace proxies is among what is printed, and kubectl delete -f would delete it/m,
  )
})

async function clusterFile(t: ExecutionContext, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pl-cli-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'cluster.yaml')
  await writeFile(path, text)
  return path
}

test.serial('version tells what is installed here, and what each dataplane can do', async (t) => {
  const { stdout } = await portolan('version')
  const { stdout: number } = await portolan('--version')
  t.true(stdout.startsWith(`portolan  ${number.trim()}, contract of dataplanes `), stdout)
  t.true(stdout.includes(`\nnode      ${process.versions.node}\n`), stdout)
  t.regex(stdout, /^ebpf {6}\d.*: IPv4, IPv6; TCP, UDP; \d+ gaps?$/m)
  t.regex(stdout, /^bench {5}\d/m)
  t.regex(stdout, /^eval {6}\d/m)
  const { dataplanes, eval: scorecards } = JSON.parse((await portolan('version', '--json')).stdout)
  t.is(scorecards, number.trim())
  const ebpf = (dataplanes as { name: string }[]).find(({ name }) => name === 'ebpf')
  t.like(ebpf, { version: number.trim(), families: ['IPv4', 'IPv6'], protocols: ['TCP', 'UDP'] })
})
