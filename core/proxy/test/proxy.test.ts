import test from 'ava'
import { parseFlags } from '../../config/flags.ts'
import { contractVersion, type Dataplane } from '../../dataplane/contract.ts'
import { ipFamilies } from '../../network/address.ts'
import type { ClusterSink, ClusterSource } from '../../source/cluster-source.ts'
import { startProxy } from '../proxy.ts'

const config = parseFlags(
  { source: 'file:none.yaml', dataplane: 'none', auditPeriod: '0' },
  { inCluster: false },
)

/** Which step fails, and in what order they were taken. */
class Steps {
  readonly taken: string[] = []
  readonly #failing: ReadonlySet<string>

  constructor(...failing: string[]) {
    this.#failing = new Set(failing)
  }

  async take(step: string): Promise<void> {
    this.taken.push(step)
    if (this.#failing.has(step)) throw new Error(`${step} failed`)
  }
}

function dataplaneOf(steps: Steps): Dataplane {
  return {
    name: 'steps',
    contractVersion,
    capabilities: { families: ipFamilies, protocols: ['TCP'], gaps: {} },
    probe: async () => {
      await steps.take('probe')
      return { usable: true, problems: [], facts: {} }
    },
    start: () => steps.take('dataplane.start'),
    stop: () => steps.take('dataplane.stop'),
    observe: async () => ({}),
    isUnchanged: async () => true,
    compile: ({ family }) => ({ family, operations: 0, findings: [], degraded: [] }),
    reconcile: (_, { family }) => ({ family, operations: 0, findings: [], degraded: [] }),
    print: () => '',
    apply: async () => ({ operations: 0, bytes: 0, degraded: [] }),
    trace: () => [],
    cleanup: async () => ({ removed: [] }),
  }
}

function sourceOf(steps: Steps): ClusterSource & { sink?: ClusterSink } {
  return {
    description: 'steps',
    start: () => steps.take('source.start'),
    stop: () => steps.take('source.stop'),
  }
}

function start(steps: Steps) {
  const warnings: string[] = []
  const silent = (): void => {}
  const logger = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (fields: object, message: string) =>
      void warnings.push(`${message}: ${(fields as { error?: unknown }).error}`),
  }
  const parts = { dataplane: dataplaneOf(steps), source: sourceOf(steps) }
  return { warnings, proxy: startProxy({ config, nodeName: 'node-a', logger, ...parts }) }
}

interface Row {
  readonly claim: string
  readonly failing: readonly string[]
  readonly taken: readonly string[]
  readonly warnings?: number
}

const rows: readonly Row[] = [
  { claim: 'a probe that fails has nothing to close', failing: ['probe'], taken: ['probe'] },
  {
    claim: 'a dataplane that fails to start is stopped, for it may have opened half of what it needs',
    failing: ['dataplane.start'],
    taken: ['probe', 'dataplane.start', 'dataplane.stop'],
  },
  {
    claim: 'a source that fails to start stops everything',
    failing: ['source.start'],
    taken: ['probe', 'dataplane.start', 'source.start', 'source.stop', 'dataplane.stop'],
  },
  {
    claim: 'what cannot be closed either is logged, closes the rest all the same, and hides no reason',
    failing: ['source.start', 'source.stop'],
    taken: ['probe', 'dataplane.start', 'source.start', 'source.stop', 'dataplane.stop'],
    warnings: 1,
  },
  {
    claim: 'a dataplane that can neither start nor stop gives the reason of the start',
    failing: ['dataplane.start', 'dataplane.stop'],
    taken: ['probe', 'dataplane.start', 'dataplane.stop'],
    warnings: 1,
  },
]

for (const { claim, failing, taken, warnings = 0 } of rows) {
  test(`startProxy: ${claim}`, async (t) => {
    const steps = new Steps(...failing)
    const started = start(steps)
    await t.throwsAsync(started.proxy, { message: new RegExp(`(^|: )${failing[0]} failed$`) })
    t.deepEqual(steps.taken, [...taken])
    t.is(started.warnings.length, warnings)
  })
}

test('stop: a source that cannot be stopped leaves no dataplane open, and the proxy has ended', async (t) => {
  const steps = new Steps('source.stop')
  const proxy = await start(steps).proxy
  await t.throwsAsync(proxy.stop(), { message: 'source.stop failed' })
  t.deepEqual(steps.taken.slice(-2), ['source.stop', 'dataplane.stop'])
  await t.notThrowsAsync(proxy.ended)
})
