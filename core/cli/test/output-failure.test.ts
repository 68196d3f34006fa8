import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))
const kubeadm = fileURLToPath(new URL('../../../docs/kubeadm-config.conf', import.meta.url))

const commands: Readonly<Record<string, readonly string[]>> = {
  help: ['--help'],
  version: ['version'],
  '--version': ['--version'],
  install: ['install', '--print', '--api-server', '192.0.2.10', '--cluster-cidr', '10.244.0.0/16'],
  plan: ['plan', '--source', `file:${sample}`, '--node', 'node-a'],
  check: ['check', '--source', `file:${sample}`, '--json'],
  'config check': ['config', 'check', kubeadm],
}

/** The program with its output there. */
async function writing(output: number, args: readonly string[]): Promise<{ code: unknown; stderr: string }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', output, 'pipe'] })
  closeSync(output)
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { code, stderr }
}

/** A pipe that nobody reads any more. */
async function abandoned(t: ExecutionContext): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'pl-pipe-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY)
  closeSync(reader)
  return writer
}

for (const [name, args] of Object.entries(commands)) {
  test.serial(`${name}: an output that can't be written is told in a line, and is a failure`, async (t) => {
    const { code, stderr } = await writing(openSync('/dev/full', 'w'), args)
    t.is(code, 1)
    t.regex(stderr, /^portolan: the output can't be written: ENOSPC: no space left on device$/m)
    t.notRegex(stderr, /^ +at |node:/m)
  })
}

test.serial('a reader that has gone is no failure', async (t) => {
  const { code, stderr } = await writing(await abandoned(t), commands.install ?? [])
  t.is(code, 0)
  t.is(stderr, '')
})

test.serial('a reader that has gone changes nothing of what was found', async (t) => {
  const source = ['check', '--source', `file:${sample}`, '--from-mode', 'iptables']
  t.is((await writing(await abandoned(t), source)).code, 1)
})

test.serial('errors that can not be told leave the exit code', async (t) => {
  const child = spawn(process.execPath, [program, 'nonsense'], {
    stdio: ['ignore', 'ignore', openSync('/dev/full', 'w')],
  })
  t.is(await new Promise((resolve) => child.once('close', resolve)), 2)
})

const logging = `
const { createLogger } = await import(${JSON.stringify(new URL('../log.ts', import.meta.url).href)})
const logger = await createLogger('info')
for (let line = 0; line < 3; line++) logger.info({ event: 'starting' }, 'a line')
logger.fatal({ event: 'stray-error' }, 'the last line')
process.exitCode = 7
`

for (const [what, output] of [
  ['a disk that is full', () => openSync('/dev/full', 'w')],
  ['a reader that has gone', abandoned],
] as const) {
  test.serial(`the log ends nothing, nor fills stderr: ${what}`, async (t) => {
    const fd = await output(t)
    const child = spawn(process.execPath, ['--input-type=module', '--eval', logging], {
      stdio: ['ignore', fd, 'pipe'],
    })
    closeSync(fd)
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    t.is(await new Promise((resolve) => child.once('close', resolve)), 7, stderr)
    const told =
      /^portolan: the log can't be written: ENOSPC: no space left on device; the process goes on.*\n$/
    t.regex(stderr, output === abandoned ? /^$/ : told)
  })
}
