import { conformanceInVm } from '@portolan/conformance/vm'
import test from 'ava'

/** Everything, on Debian's kernel: few machines to develop on have IPVS. */
await conformanceInVm({
  test,
  underTest: import.meta.resolve('./under-test.ts'),
  print: (matrix) => process.stderr.write(matrix),
})
