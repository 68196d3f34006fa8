import { createLab } from '@portolan/lab'
import test from 'ava'
import { SystemCommand, SystemCommandError } from '../system-command.ts'

const here = new SystemCommand(undefined)

test('a program gets its input and gives what it printed, whole', async (t) => {
  t.is(await here.run('cat', [], 'one\ntwo\n'), 'one\ntwo\n')
  t.deepEqual(await here.capture('sh', ['-c', 'echo out; echo complaint >&2']).then(pick), {
    stdout: 'out\n',
    stderr: 'complaint\n',
  })
})

test('the PATH of npm is not searched', async (t) => {
  t.false((await here.run('sh', ['-c', 'echo $PATH'])).includes('node_modules'))
})

for (const [where, namespace] of [
  ['here', () => undefined],
  ['in a namespace', (lab: Awaited<ReturnType<typeof createLab>>) => lab.node.networkNamespace],
] as const) {
  test(`what goes wrong ${where} names the program and what it said`, async (t) => {
    const lab = await createLab()
    t.teardown(() => lab.close())
    const command = new SystemCommand(namespace(lab))
    const missing = await t.throwsAsync(command.run('no-such-program', []), {
      instanceOf: SystemCommandError,
      message: 'no-such-program is not installed',
    })
    t.is(missing.code, 'COMMAND_NOT_FOUND')
    const failed = await t.throwsAsync(command.run('ip', ['link', 'show', 'nothing0']), {
      instanceOf: SystemCommandError,
      message: /^ip: .*"nothing0" does not exist/,
    })
    t.is(failed.code, 'COMMAND_FAILED')
    t.is(failed.program, 'ip')
  })
}

test('a program that dies by a signal is told from one that says no', async (t) => {
  const died = await t.throwsAsync(here.run('sh', ['-c', 'kill -SEGV $$']), {
    instanceOf: SystemCommandError,
  })
  t.is(died.signal, 'SIGSEGV')
  const ended = await t.throwsAsync(here.run('sh', ['-c', 'exit 1']), { instanceOf: SystemCommandError })
  t.is(ended.signal, undefined)
})

test('a program runs in the namespace that was asked for', async (t) => {
  const lab = await createLab()
  t.teardown(() => lab.close())
  const inside = await new SystemCommand(lab.node.networkNamespace).run('readlink', ['/proc/self/ns/net'])
  t.not(inside, await here.run('readlink', ['/proc/self/ns/net']))
})

function pick({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }) {
  return { stdout, stderr }
}
