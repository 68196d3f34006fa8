import type { Fault } from '../fault.ts'
import { apiServerFaults } from './api-server.ts'
import { clockFaults } from './clocks.ts'
import { errorFaults } from './errors.ts'
import { killFaults } from './kills.ts'
import { limitFaults } from './limits.ts'
import { nodeFaults } from './node.ts'
import { otherProgramFaults } from './others.ts'

/** In the order of the table. */
export const faults: readonly Fault[] = [
  ...apiServerFaults,
  ...killFaults,
  ...errorFaults,
  ...otherProgramFaults,
  ...clockFaults,
  ...limitFaults,
  ...nodeFaults,
]
