import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createLab, NamespaceRelay } from '@portolan/lab'
import test from 'ava'
import { RealApiServer } from '../real-api-server.ts'
import { realApiServerTest } from '../real-test.ts'

const real = realApiServerTest(test)
const program = fileURLToPath(new URL('../../../core/cli/portolan.js', import.meta.url))
const limitMs = 180_000

real('portolan run translates what is written there, also after a restart of the server', async (t) => {
  t.timeout(900_000)
  await using lab = await createLab()
  const [pod, backend] = lab.pods
  if (pod === undefined || backend === undefined) throw new Error('the lab has two pods')
  await backend.serve('TCP', '0.0.0.0', 8080)
  await using server = await RealApiServer.start()
  const relay = await NamespaceRelay.listen(lab.node.networkNamespace, {
    host: '127.0.0.1',
    port: server.port,
  })
  t.teardown(() => relay.close())
  const folder = await mkdtemp(join(tmpdir(), 'portolan-run-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const kubeconfig = join(folder, 'kubeconfig')
  await server.writeKubeconfig(kubeconfig)
  // The same server, by the node's own loopback.
  const text = await readFile(kubeconfig, 'utf8')
  await writeFile(kubeconfig, text.replace(server.url, `https://127.0.0.1:${relay.port}`))

  const { client } = server
  const services = '/api/v1/namespaces/default/services'
  const create = async (name: string) => {
    const service = { metadata: { name }, spec: { ports: [{ port: 80, targetPort: 8080 }] } }
    const { body } = await client.request('POST', services, { body: service })
    const slice = {
      metadata: { name, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [
        { addresses: [backend.addresses.IPv4[0]], conditions: { ready: true }, nodeName: 'node-a' },
      ],
      ports: [{ port: 8080 }],
    }
    await client.request('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
      body: slice,
    })
    return body.spec.clusterIP as string
  }
  const reaches = async (address: string) => {
    for (const end = performance.now() + limitMs; performance.now() < end; ) {
      const { result } = await pod.probe({ protocol: 'TCP', to: { address, port: 80 }, timeoutMs: 1000 })
      if (result === 'answered') return true
    }
    return false
  }
  const before = await create('before')
  const args = ['--net', lab.node.networkNamespace].join('=')
  const run = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'nsenter', args, process.execPath, program, 'run'].concat([
      ...['--kubeconfig', kubeconfig, '--node', 'node-a', '--cluster-cidr', '10.1.0.0/16'],
    ]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.teardown(async () => {
    const ended = new Promise((resolve) => run.once('close', resolve))
    run.kill('SIGTERM')
    await ended
  })
  const complaints: string[] = []
  createInterface(run.stdout).on('line', (line) => {
    if (/"level":"?(error|fatal)/.test(line)) complaints.push(line)
  })
  t.true(await reaches(before))
  const told = async () => {
    const { body } = await client.request('GET', '/apis/events.k8s.io/v1/namespaces/default/events')
    const items = body.items as readonly { readonly reportingController: string; readonly reason: string }[]
    return items.some((event) => event.reportingController === 'portolan' && event.reason === 'Starting')
  }
  for (const end = performance.now() + limitMs; !(await told()) && performance.now() < end; )
    await new Promise((resolve) => setTimeout(resolve, 50))
  t.true(await told())
  await server.kill()
  await server.start()
  t.true(await reaches(await create('after')))
  t.deepEqual(complaints, [])
})
