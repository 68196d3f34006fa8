import { join } from 'node:path'
import { createLab } from '@portolan/lab'
import { RealApiServer, realApiServerTest } from '@portolan/real-api-server'
import test from 'ava'
import type { ClusterSpec } from '../../cluster/cluster-spec.ts'
import { GivenApiServer } from '../api-servers.ts'

const real = realApiServerTest(test)
const spec: ClusterSpec = { from: 'generated', shape: { services: 12, endpointsPerService: 3 } }

real('cells of one size share what was written, until one of them fails', async (t) => {
  t.timeout(600_000)
  await using lab = await createLab()
  await using server = await RealApiServer.start()
  await server.writeKubeconfig(join(server.folder, 'kubeconfig'))
  const warnings: string[] = []
  const given = new GivenApiServer(join(server.folder, 'kubeconfig'), (text) => warnings.push(text))
  const versions = async (): Promise<string[]> => {
    const { body } = await server.client.get('/apis/discovery.k8s.io/v1/endpointslices')
    return body.items
      .map(
        ({ metadata }: { metadata: { uid: string; resourceVersion: string; namespace: string } }) => metadata,
      )
      .filter(({ namespace }: { namespace: string }) => namespace !== 'default')
      .map(
        ({ uid, resourceVersion }: { uid: string; resourceVersion: string }) => `${uid} ${resourceVersion}`,
      )
      .sort()
  }
  const { networkNamespace } = lab.node
  const first = await given.use(spec, networkNamespace, versions)
  t.is(first.length, 12 + 3)
  // From another node, and nothing is written anew.
  t.deepEqual(await given.use(spec, lab.remote.networkNamespace, versions), first)
  await t.throwsAsync(
    given.use(spec, networkNamespace, () => Promise.reject(new Error('a cell failed'))),
    { message: 'a cell failed' },
  )
  t.deepEqual(await versions(), [])
  t.is((await given.use(spec, networkNamespace, versions)).length, 12 + 3)
  await given.empty()
  t.deepEqual(await versions(), [])
  for (const warning of warnings) t.regex(warning, /are deleted and empty/)
})
