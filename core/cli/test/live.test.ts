import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ApiObject, ApiServer } from '@portolan/api-server'
import test, { type ExecutionContext } from 'ava'
import { parseAllDocuments } from 'yaml'
import { parseFlags } from '../../config/flags.ts'
import { environment } from '../environment.ts'
import { readNodeTables } from '../node-tables.ts'

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))

/** The sample cluster behind a real API server, and a kubeconfig that leads there. */
async function liveCluster(t: ExecutionContext): Promise<{ server: ApiServer; kubeconfig: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'pl-live-'))
  const server = new ApiServer({ tokens: ['secret'] })
  await server.start()
  t.teardown(async () => {
    await server.stop()
    await rm(directory, { recursive: true })
  })
  for (const document of parseAllDocuments(await readFile(sample, 'utf8'))) {
    server.apply(document.toJS() as ApiObject)
  }
  const kubeconfig = join(directory, 'kubeconfig')
  await server.writeKubeconfig(kubeconfig, { token: 'secret' })
  return { server, kubeconfig }
}

async function portolan(...args: string[]): Promise<string> {
  return (await promisify(execFile)(process.execPath, [program, ...args])).stdout
}

test.serial('a live cluster is explained and planned just like its objects in a file', async (t) => {
  const { kubeconfig } = await liveCluster(t)
  const connection = ['--json', '--from', 'outside', '--to', 'node:30443']
  const node = ['--node', 'node-a', '--cluster-cidr', '10.244.0.0/16']
  for (const command of [
    ['explain', ...node, ...connection],
    ['plan', ...node],
  ]) {
    const live = await portolan(...command, '--kubeconfig', kubeconfig)
    t.is(live, await portolan(...command, '--source', `file:${sample}`))
  }
})

test.serial("--master is asked in place of the kubeconfig's server, by the same credentials", async (t) => {
  const { server, kubeconfig } = await liveCluster(t)
  const node = ['--node', 'node-a', '--cluster-cidr', '10.244.0.0/16']
  const direct = await portolan('plan', ...node, '--kubeconfig', kubeconfig)
  const text = await readFile(kubeconfig, 'utf8')
  t.true(text.includes(server.url))
  await writeFile(kubeconfig, text.replace(server.url, 'https://127.0.0.1:1'))
  t.is(await portolan('plan', ...node, '--kubeconfig', kubeconfig, '--master', server.url), direct)
  const config = `${kubeconfig}.conf`
  const kind = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' }
  const fields = { mode: 'nftables', clusterCIDR: '10.244.0.0/16', clientConnection: { kubeconfig } }
  await writeFile(config, JSON.stringify({ ...kind, ...fields }))
  t.is(await portolan('plan', '--node', 'node-a', '--config', config, '--master', server.url), direct)
})

test.serial('ServiceCIDRs that may not be read are unknown to a plan, and not none', async (t) => {
  const { server, kubeconfig } = await liveCluster(t)
  const unknown = async () => {
    const { builders } = await readNodeTables({
      config: parseFlags({ kubeconfig, node: 'node-a' }, environment()),
      families: ['IPv4'],
      capabilities: { families: ['IPv4'], protocols: ['TCP'], gaps: {} },
      addresses: 'node',
      say: () => {},
    })
    return builders.flatMap(({ unknownSets }) => unknownSets)
  }
  t.deepEqual(await unknown(), [])
  server.break('ServiceCIDR', { kind: 'forbidden', user: 'proxy' })
  t.deepEqual(await unknown(), ['serviceCidrs'])
})

test.serial('an API server that is not there is waited for, aloud', async (t) => {
  const { server, kubeconfig } = await liveCluster(t)
  await server.stop()
  const child = spawn(process.execPath, [program, 'plan', '--kubeconfig', kubeconfig, '--node', 'node-a'])
  t.teardown(() => child.kill())
  let said = ''
  for await (const chunk of child.stderr) {
    said += String(chunk)
    if (said.includes('waiting for')) break
  }
  t.regex(
    said,
    /waiting for https:\/\/127\.0\.0\.1:\d+ .*: Service, EndpointSlice, Node, ServiceCIDR \(\d+ s\)/,
  )
  t.regex(said, /ECONNREFUSED|refused/i)
})

test.serial('a kubeconfig that leads nowhere is told at once', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'pl-live-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const kubeconfig = join(directory, 'kubeconfig')
  await writeFile(kubeconfig, 'apiVersion: v1\nkind: Config\n')
  const error = await t.throwsAsync(portolan('plan', '--kubeconfig', kubeconfig))
  t.like(error, { code: 1 })
  t.notRegex(String((error as unknown as { stderr: string }).stderr), /^ +at /m)
})
