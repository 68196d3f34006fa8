import { join } from 'node:path'
import { createLab } from '@portolan/lab'
import { RealApiServer, realApiServerTest } from '@portolan/real-api-server'
import test from 'ava'
import { openApiServer } from '../api-server.ts'
import type { ClusterSpec } from '../cluster-spec.ts'

const real = realApiServerTest(test)
/** The server makes it itself, some seconds after it is ready. */
const serversOwn = /^\w+ default kubernetes /

const spec: ClusterSpec = { from: 'generated', shape: { services: 12, endpointsPerService: 3 } }
const paths = ['/api/v1/services', '/apis/discovery.k8s.io/v1/endpointslices', '/api/v1/nodes']

real('what the benchmark writes is in namespaces of its own, and goes at the end', async (t) => {
  t.timeout(600_000)
  await using lab = await createLab()
  await using server = await RealApiServer.start()
  const kubeconfig = join(server.folder, 'kubeconfig')
  await server.writeKubeconfig(kubeconfig)
  const objects = async () => {
    const lists = await Promise.all(paths.map((path) => server.client.get(path)))
    return lists
      .flatMap(({ body }) =>
        body.items.map(
          ({ metadata }: { metadata: { namespace?: string; name: string; resourceVersion: string } }) =>
            `${body.kind} ${metadata.namespace} ${metadata.name} ${metadata.resourceVersion}`,
        ),
      )
      .filter((object) => !serversOwn.test(object))
  }
  const ours = (object: string) => object.includes(' portolan-bench-')
  // What isn't ours isn't touched, whatever it is called.
  await server.client.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'ns-1' } } })
  const body = { metadata: { name: 'svc-1' }, spec: { ports: [{ port: 80 }] } }
  t.is((await server.client.request('POST', '/api/v1/namespaces/ns-1/services', { body })).status, 201)
  const before = await objects()

  const given = openApiServer(kubeconfig)
  try {
    const { host, port, probes } = await given.call('load', spec, lab.node.networkNamespace)
    for (const probe of Object.values(probes)) t.regex(probe, /^10\.9[6-9]\./)
    // The node of the lab reaches the server, which is outside of it.
    await lab.node.exec(process.execPath, [
      '--eval',
      `require('node:net').connect(${port}, '${host}').once('connect', () => process.exit(0)).once('error', () => process.exit(1))`,
    ])
    t.is((await objects()).filter(ours).length, 2 * (12 + 3))
    t.is((await given.call('change', 'service-added', 0, 2)).events, 2)
    t.is((await given.call('change', 'service-added', 1, 2)).events, 1)
    t.is((await given.call('pointProbe', 'middle', 5)).events, 1)
    // A write that changes nothing is no event.
    t.is((await given.call('pointProbe', 'middle', 5)).events, 0)
    t.regex(
      (await given.call('release')).join(),
      /^\d+ namespaces named portolan-bench-.* are deleted and empty/,
    )
  } finally {
    await given.end()
  }
  t.deepEqual(await objects(), before)
})

real('what it wrote goes too when the benchmark is interrupted', async (t) => {
  t.timeout(600_000)
  await using server = await RealApiServer.start()
  await server.writeKubeconfig(join(server.folder, 'kubeconfig'))
  const given = openApiServer(join(server.folder, 'kubeconfig'))
  await given.call('load', spec)
  await given.end()
  const { body } = await server.client.get('/api/v1/services')
  t.deepEqual(
    body.items.filter(
      ({ metadata }: { metadata: { namespace: string } }) => metadata.namespace !== 'default',
    ),
    [],
  )
})
