import { isDeepStrictEqual } from 'node:util'
import { everything, everythingIpv6, table } from '@portolan/conformance/example-tables'
import { bring } from '@portolan/conformance/reconcile'
import { type Dataplane, fullDifference, type IpFamily, type RoutingTable } from '@portolan/core'
import { createLab } from '@portolan/lab'
import { type Part, partOf } from '../scorecard.ts'
import type { Subject } from '../subject.ts'
import { withDeadline } from './deadline.ts'
import { Checks, type Tell } from './failure.ts'
import { scenarioChecks } from './scenario-checks.ts'

/**
 * Whether the kernel holds what was applied, as the dataplane itself reads it. Without that no packet means anything: the
 * core would take it for drift every second.
 *
 * @param options `isQuick` leaves out histories of many changes, failures and restarts; `callMs` is for any one call
 */
export async function evaluateConvergence(
  subject: Subject,
  options: { readonly isQuick: boolean; readonly callMs: number; readonly slowness: number },
  tell: Tell,
): Promise<Part> {
  const { isQuick, callMs } = options
  const begun = performance.now()
  const checks = new Checks(tell)
  const lab = await createLab({ pods: 1 })
  try {
    const { networkNamespace } = lab.node
    for (const family of subject.factory.capabilities.families) {
      const ask = new FamilyOnKernel(subject, family, { networkNamespace, callMs })
      const reads = await checks.make(`${family}: what apply writes, observe reads back`, () =>
        ask.readsBack(),
      )
      if (!reads) continue
      const again = `${family}: a new process that finds its table has nothing to do`
      const { outlivesProcess } = subject.factory.capabilities.gaps
      if (outlivesProcess !== undefined) checks.lack(again, outlivesProcess)
      else await checks.make(again, () => ask.again())
      await checks.make(`${family}: Service by Service, in another order, it comes to the same`, () =>
        ask.oneByOne(),
      )
      await checks.make(`${family}: what is taken away goes from the kernel, too`, () => ask.emptied())
    }
  } finally {
    await lab.close()
  }
  if (!isQuick && checks.made.every(({ outcome }) => outcome === 'passed'))
    checks.made.push(
      ...(await scenarioChecks('convergence', subject, options, (name) => tell(`random histories: ${name}`))),
    )
  return partOf('convergence', checks.made, begun)
}

const wholeTable: Readonly<Record<IpFamily, () => RoutingTable>> = {
  IPv4: everything,
  IPv6: everythingIpv6,
}

class FamilyOnKernel {
  readonly #subject: Subject
  readonly #family: IpFamily
  readonly #networkNamespace: string
  readonly #callMs: number
  readonly #whole: RoutingTable

  constructor(
    subject: Subject,
    family: IpFamily,
    { networkNamespace, callMs }: { readonly networkNamespace: string; readonly callMs: number },
  ) {
    this.#callMs = callMs
    this.#subject = subject
    this.#family = family
    this.#networkNamespace = networkNamespace
    this.#whole = wholeTable[family]()
  }

  readsBack(): Promise<string | undefined> {
    return this.#inProcess(async (dataplane) => {
      const before = await dataplane.observe(this.#family)
      await bring(dataplane, this.#whole)
      const after = await dataplane.observe(this.#family)
      return this.#remaining(dataplane, after, this.#whole, isDeepStrictEqual(before, after))
    })
  }

  again(): Promise<string | undefined> {
    return this.#inProcess(async (dataplane) =>
      this.#remaining(dataplane, await dataplane.observe(this.#family), this.#whole),
    )
  }

  oneByOne(): Promise<string | undefined> {
    return this.#inProcess(async (dataplane) => {
      const routes = [...this.#whole.routes.values()]
      let now = { ...table([], {}, this.#family, this.#whole.podSource) }
      await bring(dataplane, now)
      for (const one of routes.toReversed()) {
        const next = { ...this.#whole, routes: new Map([...now.routes, [one.key, one]]) }
        await dataplane.apply(dataplane.compile(fullDifference(now, next)))
        now = next
      }
      return this.#remaining(dataplane, await dataplane.observe(this.#family), this.#whole)
    })
  }

  emptied(): Promise<string | undefined> {
    return this.#inProcess(async (dataplane) => {
      const empty = table([], {}, this.#family, this.#whole.podSource)
      await bring(dataplane, this.#whole)
      await dataplane.apply(dataplane.compile(fullDifference(this.#whole, empty)))
      return this.#remaining(dataplane, await dataplane.observe(this.#family), empty)
    })
  }

  async #inProcess(act: (dataplane: Dataplane) => Promise<string | undefined>): Promise<string | undefined> {
    const { factory, settings } = this.#subject
    const dataplane = withDeadline(factory, this.#callMs).create({
      masqueradeBit: 14,
      networkNamespace: this.#networkNamespace,
      settings,
    })
    await dataplane.start()
    try {
      return await act(dataplane)
    } finally {
      await dataplane.stop()
    }
  }

  /** What a reconciliation would still do, with the first of it and what usually causes it. */
  #remaining(
    dataplane: Dataplane,
    observed: unknown,
    wanted: RoutingTable,
    isAsBefore = false,
  ): string | undefined {
    const left = dataplane.reconcile(observed, wanted)
    if (left.operations === 0) return undefined
    const whole = dataplane.reconcile(undefined, wanted).operations
    const first = dataplane
      .print(left)
      .split('\n')
      .filter((line) => line.trim() !== '')
    const cause =
      isAsBefore || left.operations >= whole
        ? 'usually apply has done nothing that observe looks at: another network namespace than the one given, another ' +
          "name, or a tool that ends well without doing anything, as npm's own `nft` does (start tools by SystemCommand)"
        : 'usually observe reads a value in another form than reconcile writes it: a number in another base, a range of ' +
          'one address, endpoints in another order, or apply leaves an operation out'
    return [
      `after it a reconciliation still has ${left.operations} operations (from nothing it has ${whole}); the first:`,
      ...first.slice(0, 4).map((line) => `  ${line}`),
      cause,
    ].join('\n')
  }
}
