import { mutated, sequencesUntilFound } from '@portolan/conformance/convergence'
import test from 'ava'
import { modelSubject } from './convergence-subject.ts'
import { programMutants } from './program-mutants.ts'

for (const { does, plant } of Object.values(programMutants))
  test(`the property catches an nftables that ${does}`, async (t) => {
    const found = await sequencesUntilFound(() => mutated(modelSubject('netlink'), plant), 300)
    t.not(found, undefined)
    t.log(`in sequence ${found}`)
  })
