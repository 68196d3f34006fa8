import test from 'ava'
import { isOlder } from '../resource-version.ts'

const rows = [
  ['9', '10', true],
  ['10', '9', false],
  ['10', '10', false],
  ['99999999999999999998', '99999999999999999999', true],
  ['', '10', false],
  ['abc', '10', false],
  ['10', 'v1:10', false],
] as const
for (const [version, than, expected] of rows) {
  test(`${JSON.stringify(version)} is ${expected ? '' : 'not '}older than ${JSON.stringify(than)}`, (t) => {
    t.is(isOlder(version, than), expected)
  })
}
