import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { StatusReport } from '../../servers/proxy-status.ts'
import { describeStatus } from '../describe-status.ts'
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
  const running = node.portolan('--metrics-bind-address', '127.0.0.1:10777')
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
      read: [{ resource: 'services', resourceVersion: '41', age: 2.5 }],
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
    'IPv4  12 routes, late: changes wait for 3 min, the apply failed 3 times in a row, 1 routes not as asked (events route-degraded in the log)',
    '',
    'reads https://10.0.0.1:6443\ufffd[2J',
    '  services        resourceVersion 41, heard 3 s ago',
    '',
    'Problems:',
    '  apply-failed: family IPv4, failures 3',
    '',
    'Left out of objects (the log names each):',
    '  Service spec.externalIPs[]: 2',
    '',
    'Changed by others: 1 times that audits remember, 1 not repaired yet',
    '  last 5 s ago, IPv4, not repaired',
    '    table \ufffd[31mred',
  ])
})
