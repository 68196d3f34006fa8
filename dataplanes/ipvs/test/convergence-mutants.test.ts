import { type FaultyParts, mutated, sequencesUntilFound } from '@portolan/conformance/convergence'
import type { Dataplane } from '@portolan/core'
import test from 'ava'
import type { IpvsProgram } from '../compile/program.ts'
import type { Step } from '../compile/step.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { modelSubject } from './convergence-subject.ts'

type Sound = Dataplane<IpvsProgram, ObservedState>

const without = (program: IpvsProgram, left: (step: Step) => boolean): IpvsProgram => {
  const steps = program.steps.filter((step) => !left(step))
  return { ...program, steps, operations: program.operations - program.steps.length + steps.length }
}

const mutants: readonly {
  readonly name: string
  readonly plant: (sound: Sound) => FaultyParts<IpvsProgram, ObservedState>
}[] = [
  {
    name: 'forgets to take destinations out of sets',
    plant: (sound) => ({
      compile: (change) => without(sound.compile(change), (step) => step.do === 'delete-element'),
    }),
  },
  {
    name: 'leaves the weight of an endpoint that comes back while it drains',
    plant: (sound) => ({
      compile: (change) =>
        without(sound.compile(change), (step) => step.do === 'weigh-destination' && step.weight === 1),
    }),
  },
  {
    name: 'does not change a virtual server whose affinity has changed',
    plant: (sound) => ({
      compile: (change) => without(sound.compile(change), (step) => step.do === 'edit-server'),
    }),
  },
  {
    name: 'takes a failed program for an applied one',
    plant: (sound) => ({
      apply: (program) => sound.apply(program).catch(() => ({ operations: 1, bytes: 0, degraded: [] })),
    }),
  },
]

for (const { name, plant } of mutants)
  test(`the property catches an ipvs that ${name}`, async (t) => {
    const found = await sequencesUntilFound(() => mutated(modelSubject(), plant), 300)
    t.not(found, undefined)
    t.log(`in sequence ${found}`)
  })
