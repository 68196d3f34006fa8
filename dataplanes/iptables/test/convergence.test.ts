import { converges } from '@portolan/conformance/convergence'
import test from 'ava'
import { variants } from '../kernel/variant.ts'
import { modelSubject } from './convergence-subject.ts'

const file = 'dataplanes/iptables/test/convergence.test.ts'

for (const variant of variants)
  converges(test, `iptables-${variant}`, { file, subject: () => modelSubject(variant) })

converges(test, 'iptables without room for the clients of all Services', {
  file,
  subject: () => modelSubject('nft', 6),
})
