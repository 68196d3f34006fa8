import { readFileSync } from 'node:fs'
import { readSavedRules } from '@portolan/native/netfilter'
import test from 'ava'
import { isOurChain } from '../layout/chain-names.ts'
import { isOurSet } from '../layout/sets.ts'

/** The two dataplanes that have iptables rules and ipsets may follow each other on a node. */
for (const file of ['everything-ipv4.txt', 'everything-ipv6.txt']) {
  test(`the iptables dataplane takes no chain, no jump and no set of IPVS's ${file} for its own`, (t) => {
    const text = readFileSync(new URL(`../../ipvs/test/golden/${file}`, import.meta.url), 'utf8')
    const script = text.replace(/^-I (\S+) 1/gm, '-A $1')
    const ofIpvs = [...script.matchAll(/^:(\S+)/gm)].map(([, chain = '']) => chain)
    t.true(ofIpvs.length > 10)
    const tables = readSavedRules(script, isOurChain)
    t.deepEqual([...tables.keys()].sort(), ['filter', 'mangle', 'nat'])
    for (const { chains, jumps } of tables.values()) t.deepEqual([[...chains.keys()], jumps], [[], []])
    const sets = [...script.matchAll(/^create (\S+)/gm)].map(([, set = '']) => set)
    t.true(sets.length > 10)
    t.deepEqual(sets.filter(isOurSet), [])
  })
}
