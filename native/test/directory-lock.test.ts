import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { LockTimeoutError, lockDirectory } from '../index.ts'

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'pl-lock-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

test('one holds the lock, the others come in turn', async (t) => {
  const path = directory(t)
  let inside = 0
  let most = 0
  const enter = async () => {
    const lock = await lockDirectory(path, { pauseMs: 1 })
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
    lock.release()
    lock.release()
  }
  await Promise.all(Array.from({ length: 20 }, enter))
  t.is(most, 1)
})

test('who holds a lock too long is named, and one that is killed holds it no more', async (t) => {
  const path = directory(t)
  const module = new URL('../directory-lock.ts', import.meta.url).href
  const script = `
    import { lockDirectory } from '${module}'
    await lockDirectory(${JSON.stringify(path)})
    console.log('held')
    setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await once(holder.stdout, 'data')
    const error = await t.throwsAsync(lockDirectory(path, { waitMs: 50 }), {
      instanceOf: LockTimeoutError,
      code: 'LOCK_TIMEOUT',
    })
    t.true(error.message.includes(path))
    t.true(error.message.includes(`process ${holder.pid} (`), error.message)
  } finally {
    holder.kill('SIGKILL')
  }
  const lock = await lockDirectory(path)
  lock.release()
})

test('a directory that is not there is an error at once', async (t) => {
  await t.throwsAsync(lockDirectory('/sys/fs/bpf-not-there'), { code: 'ENOENT' })
})
