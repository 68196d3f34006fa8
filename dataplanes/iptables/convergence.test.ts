import { converges } from '@portolan/conformance/convergence'
import test from 'ava'
import { modelSubject } from './convergence-subject.ts'
import { variants } from './variant.ts'

const file = 'dataplanes/iptables/convergence.test.ts'

for (const variant of variants)
  converges(test, `iptables-${variant}`, { file, subject: () => modelSubject(variant) })

converges(test, 'iptables without room for the clients of all Services', {
  file,
  subject: () => modelSubject('nft', 6),
})
