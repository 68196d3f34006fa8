import type { FaultyParts } from '@portolan/conformance/convergence'
import type { Dataplane } from '@portolan/core'
import type { IpvsProgram } from '../compile/program.ts'
import type { Step } from '../compile/step.ts'
import type { ObservedState } from '../layout/observed-state.ts'

interface ProgramMutant {
  readonly does: string
  plant(sound: Sound): FaultyParts<IpvsProgram, ObservedState>
}

type Sound = Dataplane<IpvsProgram, ObservedState>

const without = (program: IpvsProgram, left: (step: Step) => boolean): IpvsProgram => {
  const steps = program.steps.filter((step) => !left(step))
  return { ...program, steps, operations: program.operations - program.steps.length + steps.length }
}

/** What this dataplane could do wrong in its own programs, by name. */
export const programMutants = {
  forgetsToTakeOutElements: {
    does: 'forgets to take destinations out of sets',
    plant: (sound) => ({
      compile: (change) => without(sound.compile(change), (step) => step.do === 'delete-element'),
    }),
  },
  leavesWeights: {
    does: 'leaves the weight of an endpoint that comes back while it drains',
    plant: (sound) => ({
      compile: (change) =>
        without(sound.compile(change), (step) => step.do === 'weigh-destination' && step.weight === 1),
    }),
  },
  leavesAffinity: {
    does: 'does not change a virtual server whose affinity has changed',
    plant: (sound) => ({
      compile: (change) => without(sound.compile(change), (step) => step.do === 'edit-server'),
    }),
  },
  takesFailedForApplied: {
    does: 'takes a failed program for an applied one',
    plant: (sound) => ({
      apply: (program) => sound.apply(program).catch(() => ({ operations: 1, bytes: 0, degraded: [] })),
    }),
  },
} as const satisfies Record<string, ProgramMutant>
