import { readdirSync } from 'node:fs'
import test from 'ava'
import { execa } from 'execa'
import { sweepDeadLabs } from '../index.ts'

/** A program that builds a lab, tells its namespaces, and then ends in its own way. */
function programEndingBy(statement: string) {
  const lab = new URL('../index.ts', import.meta.url)
  return execa(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { createLab } from ${JSON.stringify(lab.href)}
       const lab = await createLab()
       await lab.pods[0].serve('TCP', '0.0.0.0', 80)
       console.log(JSON.stringify(lab.hosts.map((host) => host.networkNamespace.split('/').at(-1))))
       ${statement}`,
    ],
    { reject: false },
  )
}

const left = (names: string[]) => names.filter((name) => readdirSync('/run/netns').includes(name))

const endings = [
  { how: 'an uncaught exception', statement: `throw new Error('on purpose')` },
  { how: 'process.exit', statement: 'process.exit(3)' },
  { how: 'Ctrl-C', statement: `process.kill(process.pid, 'SIGINT'); setInterval(() => {}, 1000)` },
  { how: 'SIGTERM', statement: `process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)` },
]

for (const { how, statement } of endings) {
  test(`a process leaves no lab behind that ends by ${how}`, async (t) => {
    const { stdout } = await programEndingBy(statement)
    const names = JSON.parse(stdout) as string[]
    t.is(names.length, 6)
    t.deepEqual(left(names), [])
  })
}

test('the lab of a killed process is swept by the next one', async (t) => {
  const { stdout, signal } = await programEndingBy(`process.kill(process.pid, 'SIGKILL')`)
  t.is(signal, 'SIGKILL')
  const names = JSON.parse(stdout) as string[]
  t.is(names.length, 6)
  await sweepDeadLabs()
  t.deepEqual(left(names), [])
})

test('a sweep spares the labs of running processes and namespaces of other names', async (t) => {
  const spared = [`pl-${process.pid}-77-node`, `pl-other-${process.pid}`]
  for (const name of spared) await execa('ip', ['netns', 'add', name])
  try {
    await sweepDeadLabs()
    t.deepEqual(left(spared), spared)
  } finally {
    for (const name of spared) await execa('ip', ['netns', 'delete', name])
  }
})
