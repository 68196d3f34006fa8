import { type FaultyParts, mutated, sequencesUntilFound } from '@portolan/conformance/convergence'
import type { Dataplane } from '@portolan/core'
import test from 'ava'
import { countOperations, type EbpfProgram } from '../compile/program.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { modelSubject } from './convergence-subject.ts'

type Sound = Dataplane<EbpfProgram, ObservedState>

const counted = (program: EbpfProgram): EbpfProgram => ({
  ...program,
  operations: countOperations(program),
})

const mutants: readonly {
  readonly name: string
  readonly plant: (sound: Sound) => FaultyParts<EbpfProgram, ObservedState>
}[] = [
  {
    name: 'does not tell packets of a new address of the node',
    plant: (sound) => ({ compile: (change) => counted({ ...sound.compile(change), elements: [] }) }),
  },
  {
    name: 'forgets what a route was before its change',
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
  {
    name: 'takes a failed program for an applied one',
    plant: (sound) => ({
      apply: (program) => sound.apply(program).catch(() => ({ operations: 1, bytes: 0, degraded: [] })),
    }),
  },
  {
    name: 'goes on with the numbers that it knew when it reconciles after a failure',
    plant: (sound) => ({
      reconcile(observedState, table) {
        const { adopt: _, ...rest } = sound.reconcile(observedState, table)
        return rest
      },
    }),
  },
]

for (const { name, plant } of mutants)
  test(`the property catches an ebpf that ${name}`, async (t) => {
    const found = await sequencesUntilFound(() => mutated(modelSubject(), plant), 300)
    t.not(found, undefined)
    t.log(`in sequence ${found}`)
  })
