import type { FaultyParts } from '@portolan/conformance/convergence'
import type { Dataplane } from '@portolan/core'
import { operations } from '../compile/print.ts'
import type { IptablesProgram, UncountedProgram } from '../compile/program.ts'
import type { ObservedState } from '../layout/observed-state.ts'

interface ProgramMutant {
  readonly does: string
  plant(sound: Sound): FaultyParts<IptablesProgram, ObservedState>
}

type Sound = Dataplane<IptablesProgram, ObservedState>

const counted = (program: UncountedProgram): IptablesProgram => ({
  ...program,
  operations: operations(program),
})

/** What this dataplane could do wrong in its own programs, by name. */
export const programMutants = {
  leavesChains: {
    does: 'leaves the chains of a Service that has gone',
    plant: (sound) => ({
      compile(change) {
        const program = sound.compile(change)
        return counted({ ...program, nat: { ...program.nat, deleted: new Set() } })
      },
    }),
  },
  forgetsToTakeOutElements: {
    does: 'forgets to take elements out of sets',
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
  takesFailedForApplied: {
    does: 'takes a failed program for an applied one',
    plant: (sound) => ({
      apply: (program) => sound.apply(program).catch(() => ({ operations: 1, bytes: 0, degraded: [] })),
    }),
  },
  overlooksChainsAsLong: {
    does: 'overlooks a chain whose rules are others, but as many',
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
} as const satisfies Record<string, ProgramMutant>
