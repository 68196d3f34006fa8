import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { endWorkerProcesses, WorkerProcess } from '../worker-process.ts'
import type { FixtureCalls } from './fixtures/worker-process.ts'

async function start(t: ExecutionContext, ...args: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'pl-worker-process-'))
  const cleanedUp = join(folder, 'cleaned-up')
  const pushed: unknown[] = []
  const module = new URL('./fixtures/worker-process.ts', import.meta.url)
  const worker = new WorkerProcess<FixtureCalls>({ module, args: [cleanedUp, ...args] }, (message) =>
    pushed.push(message),
  )
  t.teardown(async () => {
    await worker.end()
    await rm(folder, { recursive: true })
  })
  return { worker, cleanedUp, pushed }
}

test.serial('a worker process answers, also several calls at once', async (t) => {
  const { worker } = await start(t)
  const answers = await Promise.all([1, 2, 3].map((value) => worker.call('double', value)))
  t.deepEqual(answers, [2, 4, 6])
})

test.serial('what a call throws there is thrown here', async (t) => {
  const { worker } = await start(t)
  await t.throwsAsync(worker.call('fail'), { message: 'this is wrong' })
})

test.serial('what it tells unasked arrives', async (t) => {
  const { worker, pushed } = await start(t)
  await worker.call('tell', 'news')
  t.deepEqual(pushed, ['news'])
})

test.serial(
  'a call that is under way when it dies fails with its last words, and so do later ones',
  async (t) => {
    const { worker } = await start(t)
    await t.throwsAsync(worker.call('crash'), { message: /ended with 3\nlast words/ })
    await t.throwsAsync(worker.call('double', 1), { message: /ended[\s\S]*last words/ })
  },
)

test.serial('it cleans up before it ends', async (t) => {
  const { worker, cleanedUp } = await start(t)
  await worker.call('double', 1)
  await endWorkerProcesses()
  t.true(existsSync(cleanedUp))
})

test.serial('a call of one that was let go, and still lives, fails and leaves nothing behind', async (t) => {
  const { worker } = await start(t)
  await worker.call('double', 1)
  const ended = worker.end()
  await t.throwsAsync(worker.call('double', 2), { message: /^double: the process has ended/ })
  await ended
})

test.serial('one that is let go before it listens cleans up and ends, too', async (t) => {
  const { worker, cleanedUp } = await start(t, 'late')
  await worker.end()
  t.true(existsSync(cleanedUp))
})

test.serial('one that never has cleaned up is killed', async (t) => {
  const { worker, cleanedUp } = await start(t)
  await worker.call('cling')
  await worker.end({ timeoutMs: 100 })
  t.regex((await worker.exited).message, /ended with SIGKILL/)
  t.false(existsSync(cleanedUp))
})

test.serial('it cleans up when its maker is killed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pl-worker-process-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const cleanedUp = join(folder, 'cleaned-up')
  const maker = fork(fileURLToPath(new URL('./fixtures/maker.ts', import.meta.url)), [cleanedUp])
  const [pid] = (await once(maker, 'message')) as [number]
  t.true(existsSync(`/proc/${pid}`))
  maker.kill('SIGKILL')
  for (const end = performance.now() + 60_000; runs(pid) && performance.now() < end; ) await sleep(20)
  t.false(runs(pid))
  t.true(existsSync(cleanedUp))
})

/** Also one that has ended, and that nobody has asked about yet, runs no more. */
function runs(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z')
  } catch {
    return false
  }
}
