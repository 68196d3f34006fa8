import { repairTimes } from '@portolan/conformance/engine-on-kernel'
import { createLab } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import labDataplane from './lab-dataplane.ts'
import { sabotage } from './sabotage.ts'

test.after.always(unpinDeadNodes)

test('whatever is damaged is repaired, and a process that starts then finds all of it', async (t) => {
  t.timeout(900_000)
  await using lab = await createLab({ pods: 1 })
  const times = await repairTimes(lab, { factory: labDataplane, sabotage })
  t.true(times.length > 8)
  t.deepEqual(
    times.filter(({ noticed }) => !noticed),
    [],
  )
})
