import test from 'ava'
import fc from 'fast-check'
import { ConfigError } from '../config-error.ts'
import { camelCase, commandFlags, type Flags, kubeProxyFlags } from '../config-flags.ts'
import { parseFlags } from '../flags.ts'

const names = Object.keys({
  ...kubeProxyFlags,
  ...commandFlags,
  dataplane: [],
  'audit-period': [],
  'log-level': [],
})
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e9',
    '30s',
    '1h',
    'true',
    '10.0.0.0/8',
    '::/0',
    'all,primary',
    '[::]:1',
    'a=1',
    '9'.repeat(20),
  ),
)

test('any text after any flag is a value, or a mistake that is named by its flag', (t) => {
  const flags = fc
    .dictionary(fc.constantFrom(...names), text, { maxKeys: 5 })
    .map((given) =>
      Object.fromEntries(Object.entries(given).map(([name, value]) => [camelCase(name), value])),
    )
  const isTold = (given: Flags) => {
    try {
      parseFlags(given, { inCluster: true })
      return true
    } catch (error) {
      return (
        error instanceof ConfigError && error.problems.every(({ setting }) => /^--?[a-z-]+$/.test(setting))
      )
    }
  }
  fc.assert(fc.property(flags, isTold), { numRuns: 1000 })
  t.pass()
})
