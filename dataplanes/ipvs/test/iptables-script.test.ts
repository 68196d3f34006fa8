import { readFileSync } from 'node:fs'
import type { PodSource } from '@portolan/core'
import { readSavedRules } from '@portolan/native/netfilter'
import test from 'ava'
import { iptablesRules } from '../layout/iptables-rules.ts'
import { differences, removeScript, restoreScript } from '../layout/iptables-script.ts'
import { isOurChain } from '../layout/sets.ts'

const readSaved = (text: string) => readSavedRules(text, isOurChain)

const rules = iptablesRules({
  family: 'IPv4',
  podSource: { by: 'none' },
  masqueradeBit: 14,
  routeMarkBit: 13,
})
const filter = rules.find(({ table }) => table === 'filter')!

/** What iptables-save would print after a script on an empty table. */
function saved(script: string): string {
  const lines = script.split('\n')
  const policies = [':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]']
  const jumps = lines
    .filter((line) => line.startsWith('-I '))
    .map((line) => line.replace(/^-I (\S+) 1/, '-A $1'))
  return [
    ...lines.slice(0, 1),
    ...policies,
    ...lines.slice(1).filter((line) => !line.startsWith('-I ')),
    ...jumps,
  ].join('\n')
}

const whole = saved(restoreScript(filter, undefined))

test("another tool's rule that leads to ours is seen whatever its comment says", (t) => {
  const rule = 'SOMEBODY -m comment --comment "as \\"before\\" -j ACCEPT" -j PORTOLAN-IPVS-INPUT'
  const observed = readSaved(`*filter\n:PORTOLAN-IPVS-INPUT - [0:0]\n-A ${rule}\nCOMMIT\n`).get('filter')
  t.deepEqual(observed?.jumps, [rule])
})

test('what a script makes is read back as whole', (t) => {
  t.deepEqual(differences(filter, readSaved(whole).get('filter')), [])
})

const damages: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  [
    'a missing rule',
    (text) => text.replace(/^-A PORTOLAN-IPVS-FORWARD .*\n/m, ''),
    /chain PORTOLAN-IPVS-FORWARD of filter: 3 rules instead of 4/,
  ],
  [
    'a rule too many',
    (text) => `${text}\n-A PORTOLAN-IPVS-INPUT -j DROP`,
    /chain PORTOLAN-IPVS-INPUT of filter: 2 rules instead of 1/,
  ],
  [
    'a rule replaced by another one',
    (text) =>
      text.replace(/^-A PORTOLAN-IPVS-FORWARD .*CLUSTER-IPS .*$/m, '-A PORTOLAN-IPVS-FORWARD -j ACCEPT'),
    /chain PORTOLAN-IPVS-FORWARD of filter: rule 3 is another one/,
  ],
  [
    'a jump on a condition',
    (text) => text.replace('-A INPUT -j', '-A INPUT -s 192.0.2.1/32 -j'),
    /chain INPUT of filter: 0 jumps to PORTOLAN-IPVS-INPUT instead of 1\nchain INPUT of filter: another rule/,
  ],
  ['a missing jump', (text) => text.replace(/^-A INPUT .*\n/m, ''), /chain INPUT of filter: 0 jumps/],
  ['a jump too many', (text) => `${text}\n-A INPUT -j PORTOLAN-IPVS-INPUT`, /chain INPUT of filter: 2 jumps/],
  [
    'rules of another setting',
    (text) => text.replace(/PORTOLAN-IPVS-RULES-\w+/, 'PORTOLAN-IPVS-RULES-00000000'),
    /PORTOLAN-IPVS-RULES-00000000 of filter: too many/,
  ],
  ['no table', () => '', /chain PORTOLAN-IPVS-INPUT of filter: missing/],
]

for (const [what, damage, finding] of damages) {
  test(`${what} is found and named`, (t) => {
    const observed = readSaved(damage(whole)).get('filter')
    t.regex(differences(filter, observed).join('\n'), finding)
  })
}

test('a repair leaves jumps that are there where they are, takes surplus ones and chains of old out', (t) => {
  const observed = readSaved(
    `${whole}\n:PORTOLAN-IPVS-OLD - [0:0]\n-A INPUT -j PORTOLAN-IPVS-INPUT\n-A OUTPUT -p tcp -g PORTOLAN-IPVS-OLD`,
  ).get('filter')
  const script = restoreScript(filter, observed)
  t.deepEqual(
    script.split('\n').filter((line) => /^-[IDFX]/.test(line)),
    [
      '-D INPUT -j PORTOLAN-IPVS-INPUT',
      '-D OUTPUT -p tcp -g PORTOLAN-IPVS-OLD',
      '-F PORTOLAN-IPVS-OLD',
      '-X PORTOLAN-IPVS-OLD',
    ],
  )
})

test('rules of others are neither read nor removed', (t) => {
  const observed = readSaved(
    '*filter\n:INPUT ACCEPT [0:0]\n:KUBE-FIREWALL - [0:0]\n-A INPUT -j KUBE-FIREWALL\n-A KUBE-FIREWALL -m comment --comment "to -j PORTOLAN" -j DROP\nCOMMIT',
  ).get('filter')!
  t.is(observed.chains.size + observed.jumps.length, 0)
  t.is(removeScript('filter', observed), '*filter\nCOMMIT\n')
})

test('there are as many rules as docs/ipvs-layout.md says', (t) => {
  const count = (podSource: PodSource) =>
    iptablesRules({ family: 'IPv6', podSource, masqueradeBit: 14, routeMarkBit: 13 })
      .flatMap(({ chains, jumps }) => [jumps.size, ...[...chains.values()].map(({ length }) => length)])
      .reduce((sum, some) => sum + some)
  const text = readFileSync(new URL('../../../docs/ipvs-layout.md', import.meta.url), 'utf8')
  t.regex(text, new RegExp(`${count({ by: 'interface', name: 'cbr0' })} for IPv4`))
  t.regex(text, new RegExp(`Where pods can't be told from others it is ${count({ by: 'none' })}\\.`))
})
