import type { Registry } from 'prom-client'
import type { Applied, EngineObserver } from '../engine/observer.ts'
import type { SyncProgress } from '../engine/progress.ts'
import { type IpFamily, ipFamilies } from '../network/address.ts'
import type { SourceProgress } from '../source/cluster-source.ts'
import { ByFamily } from './by-family.ts'
import { readGauge } from './read-metrics.ts'

/** What is read of a proxy when it is scraped. */
export interface MeasuredProgress {
  /** `undefined`: the family isn't kept. */
  readonly syncOf: (family: IpFamily) => SyncProgress | undefined
  /** What the source has read. */
  readonly source: () => readonly SourceProgress[]
}

type Versions = ReadonlyMap<string, number>

/**
 * How old what the kernel holds is. All that had been read when an event came is in every apply that takes that event in or
 * comes before it, so the versions of that moment are those of an apply that began earlier.
 */
export class VersionMetrics implements EngineObserver {
  readonly #measured: () => MeasuredProgress | undefined
  readonly #now: () => number
  readonly #families = new ByFamily(() => new FamilyVersions())

  /** @param now milliseconds, by the engine's `Timing.now()` */
  constructor(registry: Registry, measured: () => MeasuredProgress | undefined, now: () => number) {
    this.#measured = measured
    this.#now = now
    readGauge({
      registry,
      name: 'portolan_pending_age_seconds',
      help: 'Age of the oldest event that the kernel may not have yet; 0: it has all of them.',
      labels: ['ip_family'],
      read: () => this.#ages(),
    })
    readGauge({
      registry,
      name: 'portolan_source_resource_version',
      help: 'The resourceVersion up to which objects have been read.',
      labels: ['resource'],
      read: () => [...this.#read()].map(([resource, version]) => [{ resource }, version] as const),
    })
    readGauge({
      registry,
      name: 'portolan_applied_resource_version',
      help: 'The resourceVersion up to which the kernel surely has what was read, in every family.',
      labels: ['resource'],
      read: () => [...this.#applied()].map(([resource, version]) => [{ resource }, version] as const),
    })
    readGauge({
      registry,
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
    this.#families.of(family).pending(this.#now(), this.#read())
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

  /** A server may have versions that are no numbers: those aren't shown. */
  #read(): Versions {
    return new Map(
      this.#source()
        .map(({ resource, resourceVersion }) => [resource, Number(resourceVersion)] as const)
        .filter(([, version]) => Number.isSafeInteger(version)),
    )
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
      return unappliedSince === undefined ? read : this.#families.of(family).versions
    })
    const resources = [...read.keys()].filter((resource) => families.every((one) => one.has(resource)))
    return new Map(
      resources.map((resource) => [resource, Math.min(...families.map((one) => one.get(resource) ?? 0))]),
    )
  }
}

class FamilyVersions {
  /** What the kernel surely has while something is waiting for it. */
  versions: Versions = new Map()
  /** Something is waiting. */
  #waiting = false
  #pendingAt = Number.NEGATIVE_INFINITY
  #whenPending: Versions = new Map()

  pending(now: number, read: Versions): void {
    this.#pendingAt = now
    this.#whenPending = read
    if (!this.#waiting) this.versions = read
    this.#waiting = true
  }

  unchanged(): void {
    this.#waiting = false
  }

  /** @param computed when the apply had taken in all that was pending */
  applied(computed: number): void {
    this.#waiting = this.#pendingAt > computed
    if (this.#waiting) this.versions = this.#whenPending
  }
}
