import { readFileSync } from 'node:fs'
import { ipFamilies } from '@portolan/core'
import { readSavedRules } from '@portolan/native/netfilter'
import test from 'ava'
import { isOurChain as isOfIptables, isOurSet } from '../../iptables/layout/layout.ts'
import { iptablesRules } from '../layout/iptables-rules.ts'
import { restoreScript } from '../layout/iptables-script.ts'
import { isOurChain, kernelName, sets } from '../layout/layout.ts'

/** The two dataplanes that have iptables rules and ipsets may follow each other on a node. */

test('the iptables dataplane takes no chain, no jump and no set of IPVS for its own', (t) => {
  for (const family of ipFamilies) {
    const setting = { family, podSource: { by: 'none' }, masqueradeBit: 14, routeMarkBit: 13 } as const
    for (const wanted of iptablesRules(setting)) {
      const script = restoreScript(wanted, undefined).replace(/^-I (\S+) 1/gm, '-A $1')
      t.true(readSavedRules(script, isOurChain).get(wanted.table)!.chains.size > 1)
      const { chains, jumps } = readSavedRules(script, isOfIptables).get(wanted.table)!
      t.deepEqual([[...chains.keys()], jumps], [[], []])
    }
    for (const { name } of sets) t.false(isOurSet(kernelName(family, name)))
  }
})

for (const file of ['everything-ipv4.rules', 'everything-ipv6.rules']) {
  test(`the IPVS dataplane takes nothing of the iptables dataplane's ${file} for its own`, (t) => {
    const text = readFileSync(new URL(`../../iptables/test/golden/${file}`, import.meta.url), 'utf8')
    const tables = readSavedRules(text.replace(/^-I (\S+) 1/gm, '-A $1'), isOurChain)
    t.true(tables.size > 0)
    t.true(readSavedRules(text, isOfIptables).get('nat')!.chains.size > 1)
    for (const { chains, jumps } of tables.values()) t.deepEqual([[...chains.keys()], jumps], [[], []])
  })
}
