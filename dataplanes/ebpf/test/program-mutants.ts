import type { FaultyParts } from '@portolan/conformance/convergence'
import type { Dataplane } from '@portolan/core'
import { countOperations, type EbpfProgram } from '../compile/program.ts'
import type { ObservedState } from '../layout/observed-state.ts'

interface ProgramMutant {
  readonly does: string
  plant(sound: Sound): FaultyParts<EbpfProgram, ObservedState>
}

type Sound = Dataplane<EbpfProgram, ObservedState>

const counted = (program: EbpfProgram): EbpfProgram => ({
  ...program,
  operations: countOperations(program),
})

/** What this dataplane could do wrong in its own programs, by name. */
export const programMutants = {
  tellsPacketsOfNoAddress: {
    does: 'does not tell packets of a new address of the node',
    plant: (sound) => ({ compile: (change) => counted({ ...sound.compile(change), elements: [] }) }),
  },
  forgetsRoutesBefore: {
    does: 'forgets what a route was before its change',
    plant: (sound) => ({
      compile(change) {
        const program = sound.compile(change)
        return counted({
          ...program,
          routes: program.routes.map(({ key, after }) => (after === undefined ? { key } : { key, after })),
        })
      },
    }),
  },
  takesFailedForApplied: {
    does: 'takes a failed program for an applied one',
    plant: (sound) => ({
      apply: (program) => sound.apply(program).catch(() => ({ operations: 1, bytes: 0, degraded: [] })),
    }),
  },
  keepsItsNumbers: {
    does: 'goes on with the numbers that it knew when it reconciles after a failure',
    plant: (sound) => ({
      reconcile(observedState, table) {
        const { adopt: _, ...rest } = sound.reconcile(observedState, table)
        return rest
      },
    }),
  },
} as const satisfies Record<string, ProgramMutant>
