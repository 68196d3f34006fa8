import { join } from 'node:path'
import { realApiServerTest } from '@portolan/real-api-server'
import test from 'ava'
import type { Logger } from '../../log/logger.ts'
import { generousMs, RealCluster, service } from '../../source/kubernetes/test/real-cluster.ts'
import { systemClock } from '../../time/clock.ts'
import { EventRecorder } from '../event-recorder.ts'
import { objectProblem, rulesRepaired, serviceHealthCheckFailed, starting } from '../proxy-events.ts'

// Events as a real kube-apiserver validates them, and as kubectl describe looks for them.

const real = realApiServerTest(test)
const rbac = '/apis/rbac.authorization.k8s.io/v1'

interface StoredEvent {
  readonly metadata: { readonly name: string }
  readonly reason: string
  readonly note: string
  readonly series?: { readonly count: number }
}

async function eventsOf(cluster: RealCluster, query: Record<string, string> = {}): Promise<StoredEvent[]> {
  const path = `/apis/events.k8s.io/v1/events?${new URLSearchParams(query)}`
  const { body } = await cluster.server.client.request('GET', path)
  const events = body.items as StoredEvent[]
  return events.filter(({ note }) => /Portolan|listen|another|Another|must be/.test(note ?? ''))
}

async function until<Value>(look: () => Promise<Value | undefined | false>): Promise<Value> {
  for (const end = performance.now() + generousMs; performance.now() < end; ) {
    const value = await look()
    if (value !== undefined && value !== false) return value
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('waited in vain')
}

function recorder(nodeName: string, warned: string[] = []): EventRecorder {
  const silent = (): void => {}
  const warn: Logger['warn'] = (_fields, message) => warned.push(message)
  const logger = { debug: silent, info: silent, warn, error: silent }
  return new EventRecorder({ nodeName, logger, clock: systemClock, date: Date.now, random: () => 0 })
}

real(
  'every kind of Event is taken, counted where it comes again, and found by kubectl describe',
  async (t) => {
    t.timeout(600_000)
    await using cluster = await RealCluster.start()
    const { body } = await cluster.createObject(service('web'))
    await using observed = await cluster.source()
    const [here, there] = [recorder('node-a'), recorder('node-b')]
    t.teardown(() => [here, there].forEach((one) => void one.stop()))
    const problem = {
      kind: 'Service',
      object: 'shop/web',
      field: 'spec.externalIPs[0]',
      value: '"x"',
      fix: 'must be an IP address',
      skipped: 'value',
    } as const
    for (const one of [here, there]) {
      one.record(objectProblem(problem))
      one.start(observed.source.api!)
    }
    here.record(starting('node-a', '1.2', 'nftables'))
    here.record(rulesRepaired('node-a', 'nftables', 'IPv4', ['x'.repeat(5000), 'ü'.repeat(5000)]))
    for (let times = 0; times < 3; times++) here.record(serviceHealthCheckFailed('shop/web', 30000, 'in use'))
    const events = await until(async () => {
      const all = await eventsOf(cluster)
      return all.length >= 4 && all.some(({ series }) => series !== undefined) && all
    })
    t.deepEqual(events.map(({ reason, series }) => [reason, series?.count]).sort(), [
      ['FailedToStartServiceHealthcheck', 3],
      ['RulesRepaired', undefined],
      ['Starting', undefined],
      ['UnusableField', undefined],
    ])
    const uid = body.metadata.uid as string
    const core = async (fieldSelector: string) => {
      const path = `/api/v1/events?${new URLSearchParams({ fieldSelector })}`
      const answer = await cluster.server.client.request('GET', path)
      return (answer.body.items as StoredEvent[]).map(({ reason }) => reason).sort()
    }
    t.deepEqual(await core(`involvedObject.kind=Service,involvedObject.name=web,involvedObject.uid=${uid}`), [
      'FailedToStartServiceHealthcheck',
      'UnusableField',
    ])
    t.deepEqual(await core('involvedObject.kind=Node,involvedObject.uid=node-a'), [
      'RulesRepaired',
      'Starting',
    ])
  },
)

real('who may not create Events is told what to grant', async (t) => {
  t.timeout(600_000)
  await using cluster = await RealCluster.start({ tokens: { narrow: { name: 'narrow' } } })
  const kubeconfig = join(cluster.folder, 'kubeconfig-narrow')
  await cluster.server.writeKubeconfig(kubeconfig, 'narrow')
  await using observed = await cluster.source({ kubeconfig })
  const warned: string[] = []
  const events = recorder('node-a', warned)
  t.teardown(() => events.stop())
  events.start(observed.source.api!)
  events.record(starting('node-a', '1.2', 'nftables'))
  await until(async () => warned.length > 0)
  t.regex(warned[0] ?? '', /User "narrow" cannot create resource "events".*Grant create and patch on events/)

  const metadata = { name: 'narrow' }
  const rules = [{ apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] }]
  await cluster.create(`${rbac}/clusterroles`, { metadata, rules })
  await cluster.create(`${rbac}/clusterrolebindings`, {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'narrow' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'narrow' }],
  })
  const again = recorder('node-a')
  t.teardown(() => again.stop())
  again.start(observed.source.api!)
  const told = await until(async () => {
    // Until the server knows of the new rights.
    again.record(starting('node-a', '1.2', 'nftables'))
    return (await eventsOf(cluster))[0]
  })
  t.is(told.reason, 'Starting')
})
