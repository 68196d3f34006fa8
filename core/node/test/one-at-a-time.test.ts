import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { NodeNamespace } from './node-namespace.ts'

const holder = fileURLToPath(new URL('./fixtures/holder.ts', import.meta.url))
const stranger = fileURLToPath(new URL('./fixtures/stranger.ts', import.meta.url))

interface Said {
  readonly child: ChildProcess
  /** Its first line. */
  readonly line: string
}

async function start(t: ExecutionContext, node: NodeNamespace, ...command: string[]): Promise<Said> {
  const child = node.start(t, ['pipe', 'pipe', 'inherit'], ...(command as [string, ...string[]]))
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
  return { child, line }
}

/** Starts one that wants to work on the node. */
const claim = (t: ExecutionContext, node: NodeNamespace, ...args: string[]) =>
  start(t, node, process.execPath, holder, ...args)

async function end({ child }: Said, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

test('the first holds its node, a second is told who does, and no other node is concerned', async (t) => {
  const [node, other] = [await NodeNamespace.create(t), await NodeNamespace.create(t)]
  const first = await claim(t, node, 'run', '1.2.3')
  t.is(first.line, 'holds')
  t.is((await claim(t, other)).line, 'holds')
  const { code, message, fix } = JSON.parse((await claim(t, node)).line)
  t.is(code, 'PORTOLAN_RUNS')
  t.is(
    message,
    `another Portolan serves this node: process ${first.child.pid}, since 2026-01-01T00:00:00.000Z, ` +
      'dataplane nftables, version 1.2.3',
  )
  t.regex(fix, new RegExp(`kill ${first.child.pid}`))
})

test('a container with files and processes of its own is a second one all the same', async (t) => {
  const node = await NodeNamespace.create(t)
  await claim(t, node)
  const container = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const second = await start(t, node, ...container, process.execPath, holder)
  t.regex(second.line, /another Portolan serves this node/)
})

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`after ${signal} the next one begins at once`, async (t) => {
    const node = await NodeNamespace.create(t)
    await end(await claim(t, node), signal)
    t.is((await claim(t, node)).line, 'holds')
  })
}

test('a clean-up under way is named as what it is', async (t) => {
  const node = await NodeNamespace.create(t)
  await claim(t, node, 'cleanup')
  t.regex(
    (await claim(t, node)).line,
    /portolan cleanup is at work on this node: process \d+.*start again when it is done/,
  )
})

test('one that is stopped holds its node, and is told of as one that does not say who it is', async (t) => {
  const node = await NodeNamespace.create(t)
  const first = await claim(t, node)
  first.child.kill('SIGSTOP')
  t.regex((await claim(t, node)).line, /it doesn't say which: it hangs or is stopped.*ss -xlp/)
})

for (const [says, what] of [
  ['garbage', 'what is no answer'],
  ['endless', 'an answer without end'],
  ['wrong', 'an answer of other types'],
] as const) {
  test(`whoever listens there with ${what} is not believed, and not named`, async (t) => {
    const node = await NodeNamespace.create(t)
    t.is((await start(t, node, process.execPath, stranger, says)).line, 'listens')
    t.regex((await claim(t, node)).line, /it doesn't say which/)
  })
}

test('what a holder says of itself is safe on a terminal', async (t) => {
  const node = await NodeNamespace.create(t)
  await claim(t, node, 'run', '1\u001b[31m\n2')
  t.regex(JSON.parse((await claim(t, node)).line).message, /version 1\ufffd\[31m\ufffd2$/)
})
