/** The program that runs the kit in the guest; see vm-suite.ts. Tells rows on standard output, as they are known. */

import type { DataplaneUnderTest } from './run.ts'
import { runConformance } from './run.ts'
import { type GuestRequest, toldLine } from './vm-guest-talk.ts'

// The lab's threads load it; here only so that it is compiled with everything else (see vm-suite.ts).
import '@portolan/lab/host-worker'

const request = JSON.parse(process.argv[2] ?? '') as GuestRequest
const { underTest, settings, families, inTurns, slowness } = request
const claims = new Set(request.claims)

await runConformance({
  ...((await import(underTest)) as { readonly default: DataplaneUnderTest }).default,
  settings,
  families,
  inTurns,
  slowness,
  filter: ({ name }) => claims.has(name),
  onScenario: (begins) => process.stdout.write(toldLine({ begins })),
  onCase: (row) => process.stdout.write(toldLine({ row })),
})
