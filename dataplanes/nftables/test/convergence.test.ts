import { converges } from '@portolan/conformance/convergence'
import test from 'ava'
import { modelSubject } from './convergence-subject.ts'

const file = 'dataplanes/nftables/test/convergence.test.ts'

for (const transport of ['netlink', 'nft'] as const)
  converges(test, `nftables by ${transport}`, { file, subject: () => modelSubject(transport) })
