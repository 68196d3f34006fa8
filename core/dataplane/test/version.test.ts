import test from 'ava'
import { isOlderVersion } from '../version.ts'

for (const [version, than, expected] of [
  ['6.1.0-56-amd64', '6.6', true],
  ['6.18.44', '6.6', false],
  ['5.13', '5.13', false],
  ['5.4-rc1', '5.13', true],
  ['1.0', '1.0.1', true],
  ['1.8.9', '1.8', false],
  ['unknown', '1.8', true],
] as const) {
  test(`${version} is ${expected ? '' : 'not '}older than ${than}`, (t) => {
    t.is(isOlderVersion(version, than), expected)
  })
}
