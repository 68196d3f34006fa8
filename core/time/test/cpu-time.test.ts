import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { cpuTime } from '../cpu-time.ts'

/** At least so many milliseconds of CPU. */
const burn = 'const begun = process.cpuUsage().user; while (process.cpuUsage().user < begun + 100_000);'

test('what this process works counts', (t) => {
  const before = cpuTime()
  new Function(burn)()
  t.true(cpuTime() >= before + 100)
})

test('what a program that it has started works counts', (t) => {
  const before = cpuTime()
  const own = process.cpuUsage()
  execFileSync(process.execPath, ['-e', burn])
  const { user, system } = process.cpuUsage(own)
  t.true(cpuTime() - before - (user + system) / 1000 >= 90)
})

test('waiting does not count', async (t) => {
  const [begun, before] = [performance.now(), cpuTime()]
  await sleep(2000)
  t.true(cpuTime() - before < performance.now() - begun)
})
