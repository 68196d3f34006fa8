import { converges } from '@portolan/conformance/convergence'
import { iptablesVariants } from '@portolan/native/netfilter'
import test from 'ava'
import { modelSubject } from './convergence-subject.ts'

const file = 'dataplanes/iptables/test/convergence.test.ts'

for (const variant of iptablesVariants)
  converges(test, `iptables-${variant}`, { file, subject: () => modelSubject(variant) })

converges(test, 'iptables without room for the clients of all Services', {
  file,
  subject: () => modelSubject('nft', 6),
})
