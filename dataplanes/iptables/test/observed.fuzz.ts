import assert from 'node:assert/strict'
import { everything } from '@portolan/conformance/example-tables'
import { noRules, readSavedRules } from '@portolan/native/netfilter'
import fc from 'fast-check'
import { damagedText } from '../../../test/fuzz/damaged.ts'
import { print } from '../compile/print.ts'
import { reconcile } from '../compile/reconcile.ts'
import { isOurChain } from '../layout/chain-names.ts'
import { nothingObserved } from '../layout/observed-state.ts'
import { maxClientSets, setKinds, setName } from '../layout/sets.ts'
import type { Setting } from '../layout/setting.ts'

const table = everything()
const setting: Setting = {
  family: table.family,
  podSource: table.podSource,
  masqueradeBit: 14,
  comments: true,
  maxClientSets,
}
const nothing = nothingObserved(table.family)
const whole = print(reconcile(nothing, table, setting))

/** Whatever has the names of our chains and sets, the way from there to the table is found. */
export const rules = fc.property(
  damagedText(whole),
  fc.dictionary(
    fc.constantFrom(...setKinds.map((kind) => setName(table.family, kind))),
    fc.array(damagedText('10.96.0.10,tcp:80', '10.1.0.2'), { maxLength: 3 }),
  ),
  (text, sets) => {
    const read = readSavedRules(text, isOurChain)
    const program = reconcile(
      {
        ...nothing,
        tables: { nat: read.get('nat') ?? noRules, filter: read.get('filter') ?? noRules },
        sets: new Map(Object.entries(sets).map(([name, elements]) => [name, new Set(elements)])),
      },
      table,
      setting,
    )
    assert.ok(print(program).length < 10 * (whole.length + text.length) + 10_000)
  },
)
