import { readFileSync } from 'node:fs'
import { readSavedRules } from '@portolan/native/netfilter'
import test from 'ava'
import { isOurChain } from '../layout/sets.ts'

/** The two dataplanes that have iptables rules and ipsets may follow each other on a node. */
for (const file of ['everything-ipv4.rules', 'everything-ipv6.rules']) {
  test(`the IPVS dataplane takes nothing of the iptables dataplane's ${file} for its own`, (t) => {
    const text = readFileSync(new URL(`../../iptables/test/golden/${file}`, import.meta.url), 'utf8')
    const tables = readSavedRules(text.replace(/^-I (\S+) 1/gm, '-A $1'), isOurChain)
    t.true(tables.size > 0)
    t.regex(text, /^:PORTOLAN-/m)
    for (const { chains, jumps } of tables.values()) t.deepEqual([[...chains.keys()], jumps], [[], []])
  })
}
