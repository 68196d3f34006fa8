import { randomInt } from 'node:crypto'
import { createServer, type ListenOptions, type Server } from 'node:net'

/**
 * Below the ports that the kernel gives to clients, so that none of them takes it while a server restarts, and below
 * NodePorts.
 */
const [lowest, highest] = [20_000, 30_000]

/**
 * A TCP port that nobody listens at now, at no address, and that no other caller on this network namespace gets while
 * this process lives: test files run beside each other, and a port is often listened at long after it was chosen.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = randomInt(lowest, highest)
    const claim = await listening({ path: `\0portolan-test-port-${port}` })
    if (claim === undefined) continue
    if ((await isFree(port, '::')) && (await isFree(port, '127.0.0.1'))) {
      claim.unref()
      return port
    }
    claim.close()
  }
  throw new Error(`no free port between ${lowest} and ${highest}`)
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = await listening({ port, host })
  if (server === undefined) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

/** `undefined`: somebody else listens there. A family that this machine doesn't have is taken by nobody. */
function listening(at: ListenOptions): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else if (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL') resolve(server)
      else reject(error)
    })
    server.listen(at, () => resolve(server))
  })
}
