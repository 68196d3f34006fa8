import { execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'

// NodePorts at loopback by the real program, in a network namespace that is node-a of the sample cluster and has its pods.

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))
const namespace = `pl-localhost-${process.pid}`
const run = promisify(execFile)

/**
 * Pods of `web` on node-a and all of `cart`, whose clients stay with the first that they got, as addresses of the
 * namespace.
 */
const pods = ['10.244.1.10', '10.244.1.20', '10.244.3.20', 'fd00:10:244:1::10']

/** Answers with its own address and the client's. */
const servers = `for (const host of ${JSON.stringify(pods)})
  require('net').createServer((socket) => {
    socket.on('error', () => {})
    socket.end(host + ' ' + socket.remoteAddress)
  }).listen(8080, host)`

/** Prints what it hears, or why it hears nothing. */
const client = (host: string, port: number) => `let text = ''
  require('net').connect(${port}, '${host}').on('data', (chunk) => text += chunk).on('error', ({ code }) => text = code)
    .on('close', () => console.log(text))`

function inNamespace(...command: string[]): string[] {
  return ['netns', 'exec', namespace, ...command]
}

async function start(t: ExecutionContext, ...command: string[]): Promise<() => Promise<void>> {
  const child = spawn('ip', inNamespace(process.execPath, ...command), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  t.teardown(() => child.kill('SIGKILL'))
  for await (const line of createInterface(child.stdout)) if (line.includes('node-in-sync')) break
  child.stdout.resume()
  return async () => {
    child.kill('SIGTERM')
    await ended
  }
}

async function ask(host: string, port: number): Promise<string> {
  const { stdout } = await run('ip', inNamespace(process.execPath, '-e', client(host, port)))
  return stdout.trim()
}

/** Looks again until it is so, for a minute at most; gives what it was last. */
async function settles(host: string, port: number, expected: RegExp): Promise<string> {
  const end = performance.now() + 60_000
  for (;;) {
    const heard = await ask(host, port)
    if (expected.test(heard) || performance.now() > end) return heard
    await sleep(50)
  }
}

test('with localhost, processes of the node reach TCP NodePorts at 127.0.0.1 and ::1, until the program stops', async (t) => {
  await run('ip', ['netns', 'add', namespace])
  t.teardown(() => run('ip', ['netns', 'delete', namespace]))
  await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up'])
  for (const address of ['192.168.50.11', ...pods])
    await run('ip', [
      '-n',
      namespace,
      'address',
      'add',
      address,
      'dev',
      'lo',
      ...(address.includes(':') ? ['nodad'] : []),
    ])
  await start(t, '-e', `${servers}\nconsole.log('node-in-sync')`)
  const stop = await start(
    t,
    program,
    'run',
    ...['--source', `file:${sample}`, '--node', 'node-a', '--nodeport-addresses', 'primary,localhost'],
  )
  // The client of the endpoint is the node, which has all of these addresses here.
  const cart = /^(10\.244\.[13]\.20) \1$/
  const web = /^10\.244\.1\.10 10\.244\.1\.10$/
  const webIPv6 = /^fd00:10:244:1::10 fd00:10:244:1::10$/
  t.regex(await settles('127.0.0.1', 30_090, cart), cart)
  t.regex(await settles('127.0.0.1', 30_080, web), web)
  t.regex(await settles('::1', 30_080, webIPv6), webIPv6)
  t.is(await ask('::1', 30_090), 'ECONNREFUSED', 'a Service without IPv6')
  t.is(await ask('127.0.0.2', 30_090), 'ECONNREFUSED', 'no other address of loopback')
  await stop()
  t.is(await ask('127.0.0.1', 30_090), 'ECONNREFUSED')
})
