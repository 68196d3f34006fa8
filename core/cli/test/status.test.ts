import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { StatusReport } from '../../servers/proxy-status.ts'
import { statusFault } from '../../servers/status-shape.ts'
import { describeStatus } from '../describe-status.ts'
import { status as readStatus } from '../status.ts'
import { UserError } from '../user-error.ts'
import { readVersion } from '../version.ts'
import { eventually, FileNode } from './file-node.ts'

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))

const cluster = `
apiVersion: v1
kind: Node
metadata: { name: node-a }
status: { addresses: [{ type: InternalIP, address: 192.168.50.11 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIPs: [10.96.0.10], ipFamilies: [IPv4], externalIPs: [nonsense], ports: [{ port: 80, protocol: TCP }] }
`

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function status(node: FileNode, ...args: string[]): Promise<Ended> {
  const child = node.spawn(process.execPath, program, 'status', ...args)
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (part) => {
    stdout += String(part)
  })
  child.stderr?.on('data', (part) => {
    stderr += String(part)
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}

test('a node tells whether a Portolan runs there, finds it at any port, and says how it does', async (t) => {
  const node = await FileNode.create(t)
  await node.write(cluster)
  const before = await status(node)
  t.is(before.code, 1)
  t.regex(before.stderr, /^portolan: no Portolan runs on this node, and nothing answers at http:/m)
  t.regex(before.stderr, /^ {2}fix: start it/m)
  const running = node.portolan('--metrics-bind-address', '127.0.0.1:10080')
  let found: Ended = before
  await eventually(t, `well: ${node.output}`, async () => {
    found = await status(node, '--json')
    return found.code === 0
  })
  const report = JSON.parse(found.stdout) as StatusReport
  t.true(report.well)
  t.is(report.dataplane, 'nftables')
  t.is(report.node, 'node-a')
  t.is(report.families.find(({ family }) => family === 'IPv4')?.routes, 1)
  t.deepEqual(report.skipped, { 'Service spec.externalIPs[]': 1 })
  await node.exec('nft', 'delete', 'table', 'ip', 'portolan')
  await eventually(t, 'the drift is told of', async () => {
    found = await status(node)
    return found.stdout.includes('Changed by others')
  })
  t.regex(found.stdout, /dataplane nftables, node node-a$/m)
  const elsewhere = await status(node, '--metrics-bind-address', '127.0.0.1:10778')
  t.is(elsewhere.code, 1)
  t.regex(elsewhere.stderr, /Portolan runs \(process \d+, since .*, version .*\), but nothing answers at/)
  t.is((await status(node, '--metrics-bind-address', 'nonsense')).code, 2)
  const ended = new Promise((resolve) => running.once('close', resolve))
  running.kill('SIGTERM')
  t.is(await ended, 0)
})

const well: StatusReport = {
  version: readVersion(),
  pid: 7,
  node: 'node-a',
  dataplane: 'nftables',
  since: '2026-01-01T00:00:00.000Z',
  now: '2026-01-01T00:10:00.000Z',
  well: true,
  families: [],
  source: { description: 'file', read: [] },
  problems: [],
  skipped: {},
  drift: { findings: 0, unrepaired: 0, last: null },
}

/** What another program says at the port, and what is told of it. */
const strangers: readonly (readonly [
  claim: string,
  answer: (response: ServerResponse) => void,
  told: RegExp,
])[] = [
  ['nothing', (response) => response.end(), /\(an empty answer\)/],
  ['a page', (response) => response.end('<html>\u001b[2J'), /\(not JSON: "<html>\\u001b\[2J"\)/],
  ['null', (response) => response.end('null'), /\(it is no object\)/],
  ['a list', (response) => response.end('[]'), /\(it is no object\)/],
  ['other JSON', (response) => response.end('{"status":"ok"}'), /\(version is no text\)/],
  [
    'a family that is none',
    (response) => response.end(JSON.stringify({ ...well, families: [null] })),
    /is no Portolan that tells its status \(families\[0\] is no object\)/,
  ],
  [
    'a time that is a number',
    (response) => response.end(JSON.stringify({ ...well, since: 5 })),
    /\(since is no text\)/,
  ],
  [
    'drift without lines',
    (response) =>
      response.end(
        JSON.stringify({
          ...well,
          drift: { findings: 1, unrepaired: 0, last: { family: 'IPv4', found: '', repaired: null } },
        }),
      ),
    /\(drift.last.findings is no list\)/,
  ],
  [
    'the report of another version',
    (response) => response.end(JSON.stringify({ ...well, version: '9.9.9', drift: {} })),
    /tells no status that Portolan .* can read \(drift.findings is no number\)/,
  ],
  ['not found', (response) => response.writeHead(404).end('{}'), /\(HTTP 404\)/],
  ['another place', (response) => response.writeHead(302, { location: '/' }).end(), /\(HTTP 302\)/],
  ['without an end', (response) => void response.write('{"well":'), /\(an answer that does not end\)/],
  ['very much', (response) => response.end('x'.repeat(5 << 20)), /\(an answer of more than 4 MiB\)/],
]

for (const [claim, answer, told] of strangers)
  test(`another program at the port is told as one: it answers ${claim}`, async (t) => {
    const server = createServer((_request, response) => answer(response))
    t.teardown(() => server.closeAllConnections())
    t.teardown(() => server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const error = await t.throwsAsync(readStatus({ metricsBindAddress: `127.0.0.1:${port}` }), {
      instanceOf: UserError,
    })
    t.regex(error.message, told)
  })

test('a report with more than this version knows is read', (t) => {
  t.is(statusFault({ ...well, more: 1, families: [] }), undefined)
})

test('what others have named is shown without what a terminal would obey', (t) => {
  const report: StatusReport = {
    version: '0.1.0',
    pid: 7,
    node: 'node-a',
    dataplane: 'nftables',
    since: '2026-01-01T00:00:00.000Z',
    now: '2026-01-01T00:10:00.000Z',
    well: false,
    families: [
      {
        family: 'IPv4',
        routes: 12,
        inSync: '2026-01-01T00:00:01.000Z',
        unappliedSince: '2026-01-01T00:07:00.000Z',
        late: true,
        failures: 3,
        degraded: 1,
      },
    ],
    source: {
      description: 'https://10.0.0.1:6443\u001b[2J',
      read: [
        { resource: 'services', resourceVersion: '41', age: 2.5 },
        { resource: 'endpointslices.discovery.k8s.io', resourceVersion: '42', age: 130 },
      ],
    },
    problems: [{ problem: 'apply-failed', family: 'IPv4', failures: 3 }],
    skipped: { 'Service spec.externalIPs[]': 2 },
    drift: {
      findings: 1,
      unrepaired: 1,
      last: {
        family: 'IPv4',
        found: '2026-01-01T00:09:55.000Z',
        repaired: null,
        disagreement: false,
        operations: 1,
        findings: ['table \u001b[31mred'],
      },
    },
  }
  t.deepEqual(describeStatus(report), [
    'not well: Portolan 0.1.0, dataplane nftables, node node-a',
    'process 7, since 2026-01-01T00:00:00.000Z (10 min)',
    '',
    'IPv4  12 routes, late: changes wait for 3 min, the apply failed 3 times in a row, 1 route not as asked (events route-degraded in the log)',
    '',
    'reads https://10.0.0.1:6443\ufffd[2J',
    '  services                         resourceVersion 41, heard 3 s ago',
    '  endpointslices.discovery.k8s.io  resourceVersion 42, heard 2 min ago',
    '',
    'Problems:',
    '  apply-failed: family IPv4, failures 3',
    '',
    'Left out of objects (the log names each):',
    '  Service spec.externalIPs[]: 2',
    '',
    'Changed by others: 1 time that audits remember, 1 not repaired yet',
    '  last 5 s ago, IPv4, not repaired',
    '    table \ufffd[31mred',
  ])
})
