import type { DataplaneFactory } from '@portolan/core'
import type { TestFn } from 'ava'
import { type KitHooks, type Row, runConformance } from '../index.ts'
import type { BehaviourName } from './behaviours.ts'

/** A mutant, and which rows have to find it. */
export interface Finding {
  readonly behaviour: BehaviourName
  /** What it does wrong, as the end of "the kit finds a dataplane that ...". */
  readonly does: string
  /** Part of the name of the rows that have to fail: in both families, and each protocol, unless narrowed. */
  readonly fails: string
  readonly narrowed?: (row: Row) => boolean
  /** Part of the name of rows that have to pass. */
  readonly passes?: string
}

export interface FoundMutants {
  readonly test: TestFn
  /** Made by `mutantFactory`. */
  readonly factory: DataplaneFactory
  /** Its module, as a URL. */
  readonly module: string
  readonly hooks: KitHooks
  /** A way of the hook `sabotage` that leaves Services served: the only one that is tried. */
  readonly gentleWay: number
  readonly settings?: Readonly<Record<string, string>>
  readonly findings: readonly Finding[]
}

/** Declares a test for each mutant: the kit has to find it by these rows. Prints a table of all. */
export function findMutants({
  test,
  findings,
  hooks,
  gentleWay,
  settings = {},
  ...dataplane
}: FoundMutants): void {
  const { sabotage } = hooks
  const lines: string[] = []
  for (const { behaviour, does, fails, passes, narrowed = () => true } of findings) {
    test.serial(`the kit finds a dataplane that ${does}`, async (t) => {
      t.timeout(900_000)
      const begun = performance.now()
      const { rows } = await runConformance({
        ...dataplane,
        settings: { ...settings, mutant: behaviour },
        hooks: {
          ...hooks,
          ...(sabotage === undefined
            ? {}
            : { sabotage: async (node, way) => way === 0 && (await sabotage(node, gentleWay)) }),
        },
        filter: ({ name }) => name.includes(fails) || (passes !== undefined && name.includes(passes)),
      })
      const asked = rows.filter(({ outcome }) => outcome !== 'unproved' && outcome !== 'gap')
      const due = asked.filter((row) => row.name.includes(fails) && narrowed(row))
      const found = due.filter(({ outcome }) => outcome === 'failed')
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      lines.push(
        `${String(found.length).padStart(2)} of ${due.length} rows  ${seconds.padStart(5)} s  ${behaviour}: ${fails}`,
      )
      t.log(found[0]?.detail.split('\n')[0]?.slice(0, 200))
      t.true(found.length > 0)
      t.deepEqual(
        due.filter(({ outcome }) => outcome !== 'failed'),
        [],
      )
      // A scenario that broke off proves nothing of the row.
      t.deepEqual(
        due.filter(({ detail }) => /broke off|breaks the contract/.test(detail)),
        [],
      )
      const others = asked.filter((row) => !due.includes(row))
      t.deepEqual(
        others.filter(({ outcome }) => outcome === 'failed'),
        [],
      )
      if (passes !== undefined) t.true(others.some(({ name }) => name.includes(passes)))
    })
  }
  test.after.always(() => {
    process.stderr.write(`${lines.join('\n')}\n${lines.length} mutants\n`)
  })
}
