import type { Registry } from 'prom-client'
import type { Applied, EngineObserver } from '../engine/observer.ts'
import type { SyncProgress } from '../engine/progress.ts'
import { type IpFamily, ipFamilies } from '../network/address.ts'
import type { SourceProgress } from '../source/cluster-source.ts'
import { ByFamily } from './by-family.ts'
import { readMetric } from './read-metrics.ts'

/** What is read of a proxy when it is scraped. */
export interface MeasuredProgress {
  /** `undefined`: the family isn't kept. */
  readonly syncOf: (family: IpFamily) => SyncProgress | undefined
  /** What the source has read. */
  readonly source: () => readonly SourceProgress[]
}

type Versions = ReadonlyMap<string, number>

/**
 * How far the kernel is behind the cluster, and how old that is. All that had been read when an event came is in every apply
 * that takes that event in or comes before it, so the versions of that moment are those of an apply that began earlier.
 */
export class ProgressMetrics implements EngineObserver {
  readonly #measured: () => MeasuredProgress | undefined
  readonly #now: () => number
  readonly #families = new ByFamily(() => new FamilyVersions())

  /** @param now milliseconds, by the engine's `Timing.now()` */
  constructor(registry: Registry, measured: () => MeasuredProgress | undefined, now: () => number) {
    this.#measured = measured
    this.#now = now
    readMetric({
      registry,
      type: 'gauge',
      name: 'portolan_pending_age_seconds',
      help: 'Age of the oldest event that the kernel may not have yet; 0: it has all of them.',
      labels: ['ip_family'],
      read: () => this.#ages(),
    })
    readMetric({
      registry,
      type: 'gauge',
      name: 'portolan_failed_applies_in_a_row',
      help: 'Applies that have failed since the last that succeeded.',
      labels: ['ip_family'],
      read: () =>
        this.#kept().map(([family, { failure }]) => [{ ip_family: family }, failure?.inARow ?? 0] as const),
    })
    readMetric({
      registry,
      type: 'gauge',
      name: 'portolan_source_resource_version',
      help: 'The resourceVersion up to which objects have been read.',
      labels: ['resource'],
      read: () => [...this.#read()].map(([resource, version]) => [{ resource }, version] as const),
    })
    readMetric({
      registry,
      type: 'gauge',
      name: 'portolan_applied_resource_version',
      help: 'The resourceVersion up to which the kernel surely has what was read, in every family.',
      labels: ['resource'],
      read: () => [...this.#applied()].map(([resource, version]) => [{ resource }, version] as const),
    })
    readMetric({
      registry,
      type: 'gauge',
      name: 'portolan_source_progress_age_seconds',
      help: 'Time since the last list, event or bookmark of a resource.',
      labels: ['resource'],
      read: () =>
        this.#source().map(
          ({ resource, at }) => [{ resource }, Math.max(0, this.#now() - at) / 1000] as const,
        ),
    })
  }

  onPending(family: IpFamily): void {
    this.#families.of(family).pending(this.#now(), this.#source())
  }

  onUnchanged(family: IpFamily): void {
    this.#families.of(family).unchanged()
  }

  onApplied({ family, timings }: Applied): void {
    this.#families.of(family).applied(timings.computed)
  }

  #source(): readonly SourceProgress[] {
    return this.#measured()?.source() ?? []
  }

  #read(): Versions {
    return versionsOf(this.#source())
  }

  #ages(): (readonly [{ readonly ip_family: IpFamily }, number])[] {
    return this.#kept().map(([family, { unappliedSince }]) => {
      const age = unappliedSince === undefined ? 0 : Math.max(0, this.#now() - unappliedSince) / 1000
      return [{ ip_family: family }, age] as const
    })
  }

  #kept(): (readonly [IpFamily, SyncProgress])[] {
    const measured = this.#measured()
    return ipFamilies.flatMap((family) => {
      const sync = measured?.syncOf(family)
      return sync === undefined ? [] : [[family, sync] as const]
    })
  }

  #applied(): Versions {
    const read = this.#read()
    const families = this.#kept().map(([family, { inSyncAt, unappliedSince }]): Versions => {
      if (inSyncAt === undefined) return new Map()
      return unappliedSince === undefined ? read : versionsOf(this.#families.of(family).read)
    })
    const resources = [...read.keys()].filter((resource) => families.every((one) => one.has(resource)))
    return new Map(
      resources.map((resource) => [resource, Math.min(...families.map((one) => one.get(resource) ?? 0))]),
    )
  }
}

/** A server may have versions that are no numbers: those aren't shown. */
function versionsOf(read: readonly SourceProgress[]): Versions {
  return new Map(
    read
      .map(({ resource, resourceVersion }) => [resource, Number(resourceVersion)] as const)
      .filter(([, version]) => Number.isSafeInteger(version)),
  )
}

/** On the hot path: what was read is put away as it comes, and looked at by a scrape. */
class FamilyVersions {
  /** What the kernel surely has while something is waiting for it. */
  read: readonly SourceProgress[] = []
  /** Something is waiting. */
  #waiting = false
  #pendingAt = Number.NEGATIVE_INFINITY
  #whenPending: readonly SourceProgress[] = []

  pending(now: number, read: readonly SourceProgress[]): void {
    this.#pendingAt = now
    this.#whenPending = read
    if (!this.#waiting) this.read = read
    this.#waiting = true
  }

  unchanged(): void {
    this.#waiting = false
  }

  /** @param computed when the apply had taken in all that was pending */
  applied(computed: number): void {
    this.#waiting = this.#pendingAt > computed
    if (this.#waiting) this.read = this.#whenPending
  }
}
