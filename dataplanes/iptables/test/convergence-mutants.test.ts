import { type FaultyParts, mutated, sequencesUntilFound } from '@portolan/conformance/convergence'
import type { Dataplane } from '@portolan/core'
import test from 'ava'
import { operations } from '../compile/print.ts'
import type { IptablesProgram, UncountedProgram } from '../compile/program.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { modelSubject } from './convergence-subject.ts'

type Sound = Dataplane<IptablesProgram, ObservedState>

const counted = (program: UncountedProgram): IptablesProgram => ({
  ...program,
  operations: operations(program),
})

const mutants: readonly {
  readonly name: string
  readonly plant: (sound: Sound) => FaultyParts<IptablesProgram, ObservedState>
}[] = [
  {
    name: 'leaves the chains of a Service that has gone',
    plant: (sound) => ({
      compile(change) {
        const program = sound.compile(change)
        return counted({ ...program, nat: { ...program.nat, deleted: new Set() } })
      },
    }),
  },
  {
    name: 'forgets to take elements out of sets',
    plant: (sound) => ({
      compile(change) {
        const program = sound.compile(change)
        const elements = new Map(
          [...program.elements].map(([kind, { added }]) => [kind, { added, removed: new Set<string>() }]),
        )
        return counted({ ...program, elements })
      },
    }),
  },
  {
    name: 'takes a failed program for an applied one',
    plant: (sound) => ({
      apply: (program) => sound.apply(program).catch(() => ({ operations: 1, bytes: 0, degraded: [] })),
    }),
  },
  {
    name: 'overlooks a chain whose rules are others, but as many',
    plant: (sound) => ({
      reconcile(observedState, table) {
        const program = sound.reconcile(observedState, table)
        const written = new Map(
          [...program.nat.written].filter(
            ([chain, rules]) => observedState?.tables.nat.chains.get(chain)?.length !== rules.length,
          ),
        )
        return counted({ ...program, nat: { ...program.nat, written } })
      },
    }),
  },
]

for (const { name, plant } of mutants)
  test(`the property catches an iptables that ${name}`, async (t) => {
    const found = await sequencesUntilFound(() => mutated(modelSubject('nft'), plant), 300)
    t.not(found, undefined)
    t.log(`in sequence ${found}`)
  })
