import test from 'ava'
import { DataplaneError } from '../../dataplane/dataplane-error.ts'
import type { SyncProgress } from '../../engine/progress.ts'
import { DriftLog } from '../drift-log.ts'
import { ProxyStatus, type StatusProxy, type StatusReport } from '../proxy-status.ts'

const epoch = Date.parse('2026-01-01T00:00:00Z')

/** At 100 s after the start of the clock, with a syncPeriod of 30 s. */
function reportOf(
  progress: SyncProgress,
  overrides: Partial<StatusProxy> = {},
  drift?: true,
  faults: readonly DataplaneError[] = [],
): StatusReport {
  const driftLog = new DriftLog(() => epoch)
  if (drift) driftLog.onDrift({ family: 'IPv4', operations: 1, findings: ['table gone'] } as never)
  const status = new ProxyStatus({
    version: '0.1.0',
    dataplane: 'nftables',
    pid: 7,
    startedAt: epoch,
    syncPeriod: 30_000,
    driftLog,
    now: () => 100_000,
    wallClock: () => epoch + 100_000,
  })
  for (const fault of faults) status.onFault(fault)
  return status.report({
    nodeName: 'node-a',
    families: ['IPv4'],
    awaited: [],
    source: {
      description: 'https://10.0.0.1:6443',
      progress: [{ resource: 'services', resourceVersion: '41', at: 97_500 }],
    },
    sourceStatus: { ownNode: { addresses: [] } as never, unreadable: new Set(), failures: new Map() },
    problemCounts: new Map([['Service spec.externalIPs[]', 2]]),
    table: () => undefined,
    progress: () => progress,
    ...overrides,
  })
}

test('a family that is in sync is well, and times are those of the wall clock', (t) => {
  const report = reportOf({ inSyncAt: 90_000 })
  t.true(report.well)
  t.is(report.families[0]?.inSync, '2026-01-01T00:01:30.000Z')
  t.is(report.families[0]?.unappliedSince, null)
  t.deepEqual(report.source.read, [{ resource: 'services', resourceVersion: '41', age: 2.5 }])
  t.deepEqual(report.skipped, { 'Service spec.externalIPs[]': 2 })
})

test('a change under way is well until it is late', (t) => {
  t.true(reportOf({ inSyncAt: 90_000, unappliedSince: 40_001 }).well)
  const late = reportOf({ inSyncAt: 30_000, unappliedSince: 40_000 })
  t.true(late.families[0]?.late)
  t.false(late.well)
})

test('before the first apply it is not well', (t) => t.false(reportOf({}).well))

test('a problem of health, and drift that is not repaired, are not well', (t) => {
  const failed = reportOf({ inSyncAt: 90_000, failure: { error: { code: 'REFUSED' }, inARow: 2 } })
  t.false(failed.well)
  t.is(failed.families[0]?.failures, 2)
  t.deepEqual(failed.problems[0], { problem: 'apply-failed', family: 'IPv4', code: 'REFUSED', failures: 2 })
  const drifted = reportOf({ inSyncAt: 90_000 }, {}, true)
  t.false(drifted.well)
  t.is(drifted.drift.unrepaired, 1)
  t.deepEqual(drifted.drift.last?.findings, ['table gone'])
})

test('a dataplane that broke its contract is a problem, as in health', (t) => {
  const faults = (['observe', 'apply'] as const).map(
    (method) => new DataplaneError('DATAPLANE_METHOD_HANGS', { dataplane: 'x', method }, 'hangs'),
  )
  const { well, problems } = reportOf({ inSyncAt: 90_000 }, {}, undefined, faults)
  t.false(well)
  t.deepEqual(problems, [
    { problem: 'dataplane-fault', code: 'DATAPLANE_METHOD_HANGS', method: 'apply', faults: 2 },
  ])
})
