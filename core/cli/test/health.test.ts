import { rm, writeFile } from 'node:fs/promises'
import test from 'ava'
import { eventually, FileNode } from './file-node.ts'

// The health servers of the real program on the real kernel, asked as a load balancer asks.

const checkedService = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: 32000
  clusterIPs: [10.96.0.10, 'fd00:96::10']
  ipFamilies: [IPv4, IPv6]
  ports: [{ port: 80, protocol: TCP, nodePort: 30080 }]
`

function cluster(node: string, ready: boolean): string {
  return `
apiVersion: v1
kind: Node
metadata: { name: node-a }
spec: ${node}
status: { addresses: [{ type: InternalIP, address: 192.168.50.11 }] }
---${checkedService}---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: '', port: 8080, protocol: TCP }]
endpoints:
  - { addresses: [10.244.1.5], nodeName: node-a, conditions: { ready: ${ready} } }
`
}

const health = 'http://127.0.0.1:10256'

test.serial('a load balancer hears of the node and of the Service, at both families', async (t) => {
  const node = await FileNode.create(t)
  await node.write(cluster('{}', true))
  const child = node.portolan()
  const check = 'http://192.168.50.11:32000/'
  const urls = [`${health}/healthz`, `${health}/livez`, 'http://[::1]:10256/healthz', check]
  const statuses = async () => (await node.ask(...urls)).map((answer) => answer?.status)
  const become = (what: string, expected: readonly number[]) =>
    eventually(t, `${what}: ${expected.join()}; ${node.output}`, async () => {
      return (await statuses()).join() === expected.join()
    })
  await become('well', [200, 200, 200, 200])
  t.is((await node.ask(check))[0]?.weight, '1')
  t.is((await node.ask('http://127.0.0.1:32000/'))[0], null, 'only where NodePorts answer')
  await node.write(cluster('{}', false))
  await become('no ready endpoint', [200, 200, 200, 503])
  await node.write(cluster('{ taints: [{ key: ToBeDeletedByClusterAutoscaler }] }', true))
  await become('the autoscaler takes the node', [503, 200, 503, 200])
  const [healthz] = await node.ask(`${health}/healthz`)
  const { nodeEligible, problems } = JSON.parse(healthz?.body ?? '')
  t.false(nodeEligible)
  t.deepEqual(problems, [{ problem: 'node-leaving', why: 'autoscaler' }])
  await node.write(checkedService)
  await eventually(t, 'the Node is gone', async () => {
    const [answer] = await node.ask(`${health}/healthz`)
    return answer?.body.includes('node-unknown') === true
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  t.is(await ended, 0, node.output)
})

/** A dataplane that writes nowhere; its applies hang as long as a file is there. */
const hanging = (gate: string): string => `
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineDataplane } from ${JSON.stringify(import.meta.resolve('../../dataplane/define-dataplane.ts'))}
const program = ({ family }) => ({ family, operations: 1, findings: [], degraded: [] })
const compiler = {
  compile: ({ table }) => program(table),
  reconcile: (_, table) => program(table),
  print: () => '',
  trace: () => [],
}
const kernel = {
  probe: async () => ({ usable: true, problems: [], facts: {} }),
  open: async () => {},
  close: async () => {},
  observe: async () => ({}),
  isUnchanged: async () => true,
  async apply() {
    while (existsSync(${JSON.stringify(gate)})) await sleep(20)
    return { bytes: 0 }
  },
  cleanup: async () => ({ removed: [] }),
}
export default defineDataplane({
  name: 'hanging',
  capabilities: { families: ['IPv4', 'IPv6'], protocols: ['TCP'], gaps: {} },
  create: () => ({ compiler, kernel }),
})`

test.serial(
  'a dataplane that hangs makes the node unhealthy, and its Services, until it goes on',
  async (t) => {
    const node = await FileNode.create(t)
    await node.write(cluster('{}', true))
    const [module, gate] = [node.path('hanging.mjs'), node.path('gate')]
    await writeFile(module, hanging(gate))
    const periods = ['--iptables-sync-period', '500ms', '--iptables-min-sync-period', '0s']
    const child = node.portolan('--dataplane', module, ...periods)
    const become = (what: string, expected: string) =>
      eventually(t, `${what}; ${node.output}`, async () => {
        const answers = await node.ask(`${health}/livez`, 'http://192.168.50.11:32000/')
        return answers.map((one) => `${one?.status} ${one?.weight ?? ''}`.trim()).join() === expected
      })
    await become('well', '200,200 1')
    await writeFile(gate, '')
    await node.write(cluster('{}', false))
    await become('late, and as it was last applied', '503,503 1')
    await rm(gate)
    await become('well again, and as it is now', '200,503 0')
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGTERM')
    t.is(await ended, 0, node.output)
  },
)

for (const [server, port, address] of [
  ['healthz', 10256, '0.0.0.0'],
  ['metrics', 10249, '127.0.0.1'],
] as const)
  test.serial(
    `with bindAddressHardFail a taken port of ${server} ends the start, before anything is touched`,
    async (t) => {
      const node = await FileNode.create(t)
      await node.write(cluster('{}', true))
      node.spawn(
        process.execPath,
        '-e',
        `require('http').createServer((q, r) => r.end()).listen(${port}, '${address}')`,
      )
      const url = `http://127.0.0.1:${port}`
      await eventually(t, 'the port is taken', async () => (await node.ask(url))[0] !== null)
      const child = node.portolan('--bind-address-hard-fail')
      t.is(await new Promise((resolve) => child.once('close', resolve)), 1)
      t.true(
        node.output.includes(`portolan: the ${server} server can't listen on ${address}:${port}: `),
        node.output,
      )
      t.regex(node.output, /EADDRINUSE.*\n {2}fix: another program has the port/)
      t.notRegex(node.output, /first-apply|sysctl-set|dataplane-usable/)
    },
  )
