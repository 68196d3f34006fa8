import { conformanceInVm, inShort } from '@portolan/conformance/vm'
import test from 'ava'

/** A compatibility check with Debian's kernel; conformance.test.ts proves everything on this machine's. */
await conformanceInVm({
  test,
  underTest: import.meta.resolve('./under-test.ts'),
  ...inShort(),
  print: (matrix) => process.stderr.write(matrix),
})
