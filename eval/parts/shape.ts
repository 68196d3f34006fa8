import { isDeepStrictEqual } from 'node:util'
import { checkCapabilities } from '@portolan/conformance'
import {
  endpoint,
  everything,
  everythingIpv6,
  frontend,
  internal,
  route,
  table,
} from '@portolan/conformance/example-tables'
import {
  type Address,
  type Dataplane,
  evaluate,
  fullDifference,
  type IpFamily,
  type RoutingTable,
  stepText,
} from '@portolan/core'
import { type Part, partOf } from '../scorecard.ts'
import type { Subject } from '../subject.ts'
import { Checks, type Tell } from './failure.ts'

/**
 * What a dataplane says of itself, and the pure half: nothing here needs a kernel, or root. Programs are those of the
 * kit's small tables.
 */
export async function evaluateShape(subject: Subject, tell: Tell): Promise<Part> {
  const begun = performance.now()
  const { factory, settings } = subject
  const { capabilities } = factory
  const checks = new Checks(tell)
  const declares = await checks.make('it declares families, protocols and gaps that there are', () => {
    checkCapabilities(capabilities)
    return undefined
  })
  const make = (): Dataplane => factory.create({ masqueradeBit: 14, settings })
  const isMade = await checks.make('it can be made with its settings, and gives no promise', () => {
    make()
    return undefined
  })
  if (declares && isMade) {
    for (const family of capabilities.families) await evaluateFamily(family, make, checks)
    const has = 'this node has what it needs (probe)'
    if (process.getuid?.() !== 0) checks.leave(has, 'only root can tell')
    else
      await checks.make(has, async () => {
        const { usable, problems } = await make().probe()
        return usable ? undefined : problems.map(({ what, fix }) => `${what}\nfix: ${fix}`).join('\n')
      })
  }
  return partOf('shape', checks.made, begun)
}

const wholeTable: Readonly<Record<IpFamily, () => RoutingTable>> = {
  IPv4: everything,
  IPv6: everythingIpv6,
}

async function evaluateFamily(family: IpFamily, make: () => Dataplane, checks: Checks): Promise<void> {
  const whole = wholeTable[family]
  const dataplane = make()
  const { protocols } = dataplane.capabilities
  const isCompiled = await checks.make(
    `${family}: reconcile gives a program for a node that holds nothing`,
    () => {
      const program = dataplane.reconcile(undefined, whole())
      if (program.operations === 0) return 'it has 0 operations, and there are Services'
      return dataplane.print(program).trim() === '' ? 'print shows nothing of it' : undefined
    },
  )
  // All else about programs would say the same again.
  if (!isCompiled) return
  await checks.make(`${family}: no route of its protocols is left out`, () => {
    const { degraded } = dataplane.reconcile(undefined, whole())
    const left = degraded.filter(({ route: key }) =>
      [...whole().routes.values()].some((one) => one.key === key && protocols.includes(one.protocol)),
    )
    return left.length === 0
      ? undefined
      : left.map(({ route: key, reason }) => `${key}: ${reason}`).join('\n')
  })
  await checks.make(
    `${family}: the same table gives the same program, however often, and isn't changed`,
    () => {
      const given = whole()
      const programs = [dataplane, dataplane, make()].map((one) => one.reconcile(undefined, given))
      const texts = programs.map((program) => dataplane.print(program))
      if (new Set(texts).size > 1) return `it differs: ${firstDifference(texts)}`
      return isDeepStrictEqual(given, whole())
        ? undefined
        : 'reconcile has changed the table that it was given'
    },
  )
  await checks.make(`${family}: the same change gives the same program, and isn't changed`, () => {
    const change = fullDifference(table([], {}, family), whole())
    const texts = [dataplane, dataplane].map((one) => one.print(one.compile(change)))
    if (new Set(texts).size > 1)
      return `compile settles something that only apply may: ${firstDifference(texts)}`
    const same = isDeepStrictEqual(change, fullDifference(table([], {}, family), whole()))
    return same ? undefined : 'compile has changed the change that it was given'
  })
  await checks.make(`${family}: where nothing has changed there is nothing to do`, () => {
    const { operations } = dataplane.compile(fullDifference(whole(), whole()))
    return operations === 0 ? undefined : `compile gives ${operations} operations for a change of nothing`
  })
  await checks.make(`${family}: a change costs what has changed, not what the cluster holds`, () => {
    const [few, many] = [2, 200].map((services) => costOfOneEndpoint(family, make(), services))
    return few === many
      ? undefined
      : `one endpoint more is ${few} operations among 2 Services, ${many} among 200`
  })
  await checks.make(`${family}: a route of a protocol that it hasn't got is named as degraded`, () => {
    const { degraded } = dataplane.reconcile(undefined, whole())
    const missing = [...whole().routes.values()].filter(
      ({ key, protocol }) => !protocols.includes(protocol) && !degraded.some(({ route: one }) => one === key),
    )
    const [first] = missing
    return first && `${first.key} is ${first.protocol}, and the program's degraded doesn't name it`
  })
  await checks.make(`${family}: explain gets the way of a packet, step by step (trace)`, () => {
    const given = whole()
    const [source, destination] = questions[family]
    const packet = { protocol: 'TCP', source, destination, port: 80 } as const
    const steps = dataplane.trace(given, evaluate(given, packet)).map(stepText)
    return steps.some((step) => step.trim() !== '')
      ? undefined
      : 'it tells nothing of a packet that is translated'
  })
}

/** From a pod to the first ClusterIP of the tables. */
const questions: Readonly<Record<IpFamily, readonly [source: Address, destination: Address]>> = {
  IPv4: ['10.1.0.9' as Address, '10.96.0.10' as Address],
  IPv6: ['fd00:10:1::9' as Address, 'fd00:96::10' as Address],
}

function costOfOneEndpoint(family: IpFamily, dataplane: Dataplane, services: number): number {
  const address = (number: number) => (family === 'IPv4' ? `10.96.1.${number}` : `fd00:96::1:${number}`)
  const pod = (number: number) => endpoint(family === 'IPv4' ? `10.1.1.${number}` : `fd00:10:1:1::${number}`)
  const of = (extra: number) =>
    table(
      Array.from({ length: services }, (_, index) => {
        const endpoints = Array.from({ length: index === 0 ? 2 + extra : 2 }, (_one, number) =>
          pod(number + 2),
        )
        const frontends = [frontend('ClusterIP', address(index + 1), 80, internal)]
        return route(`shop/s${index}:http`, endpoints, frontends, { family })
      }),
      { clusterIPs: Array.from({ length: services }, (_, index) => address(index + 1)) },
      family,
    )
  return dataplane.compile(fullDifference(of(0), of(1))).operations
}

function firstDifference(texts: readonly string[]): string {
  const [one = [], other = []] = [texts[0], texts.find((text) => text !== texts[0])].map((text) =>
    text?.split('\n'),
  )
  const at = one.findIndex((line, index) => line !== other[index])
  return `"${one[at] ?? ''}" and "${other[at] ?? ''}"`
}
