import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Runs a step while no other process holds the same lock: flock(2), which ends with the process that holds it, however
 * that ends.
 *
 * @param path of a file, which is made if need be
 * @param onWait called when another process holds it
 */
export async function withLock<Result>(
  path: string,
  onWait: () => void,
  step: () => Promise<Result>,
): Promise<Result> {
  // Node has no flock(2): the tool holds the lock for as long as its cat has its standard input. cat answers once it is
  // started, that is once the lock is held.
  const holder = spawn('flock', [path, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(holder, 'exit')
  const waiting = setTimeout(onWait, 500)
  try {
    holder.stdin.write('.')
    await Promise.race([
      once(holder.stdout, 'data'),
      ended.then(([code]) => Promise.reject(new Error(`flock ${path} ended with ${code}`))),
    ])
    clearTimeout(waiting)
    return await step()
  } finally {
    clearTimeout(waiting)
    holder.stdin.end()
    await ended
  }
}
