import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'

// The real program with a dataplane that breaks its contract. No kernel is needed: it writes nowhere.

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))

const working = `
import { defineDataplane } from ${JSON.stringify(import.meta.resolve('../../dataplane/define-dataplane.ts'))}
const held = new Map()
const program = ({ family, routes }) =>
  ({ family, routes: [...routes.keys()], operations: routes.size, findings: [], degraded: [] })
const dataplane = {
  compile: ({ table }) => program(table),
  reconcile: (_held, table) => program(table),
  print: ({ routes }) => routes.join('\\n'),
  trace: () => [],
  async probe() { return { usable: true, problems: [], facts: {} } },
  async open() {},
  async close() {},
  async observe({ family }) { return held.get(family) },
  async isUnchanged() { return true },
  async apply(program) {
    held.set(program.family, program)
    return { bytes: 0 }
  },
  async cleanup() { return { removed: [] } },
}
const factory = defineDataplane({
  name: 'acme',
  capabilities: { families: ['IPv4'], protocols: ['TCP', 'UDP', 'SCTP'], gaps: {} },
  create: () => ({ compiler: dataplane, kernel: dataplane }),
})`

class Run {
  readonly #child: ChildProcess
  text = ''
  #isOver = false
  /** When all that it has said is in the text, too. */
  readonly ended: Promise<number | null>

  constructor(child: ChildProcess) {
    this.#child = child
    child.stdout?.on('data', (part) => {
      this.text += String(part)
    })
    child.stderr?.on('data', (part) => {
      this.text += String(part)
    })
    this.ended = once(child, 'close').then(([code]) => {
      this.#isOver = true
      return code as number | null
    })
  }

  async line(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) {
      if (this.#isOver) throw new Error(`ended without ${pattern}:\n${this.text}`)
      await sleep(20)
    }
  }

  signal(): void {
    this.#child.kill('SIGTERM')
  }
}

async function run(t: ExecutionContext, broken: string, command: 'run' | 'plan' = 'run'): Promise<Run> {
  const directory = await mkdtemp(join(tmpdir(), 'pl-broken-'))
  const module = join(directory, 'acme.mjs')
  await writeFile(module, `${working}\nObject.assign(dataplane, {${broken}})\nexport default factory\n`)
  const args = [program, command, '--source', `file:${sample}`, '--node', 'node-a', '--dataplane', module]
  // On a node of its own: one Portolan at a time works on one.
  const child = spawn('unshare', ['--net', process.execPath, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await rm(directory, { recursive: true })
  })
  return new Run(child)
}

test('a start that throws ends the process with dataplane, method and what to do', async (t) => {
  const proxy = await run(t, `async open() { throw new Error('no such device') }`)
  t.is(await proxy.ended, 1)
  t.regex(
    proxy.text,
    /portolan: dataplane acme: open failed: no such device\n {2}fix: report it to the author/,
  )
})

test('a node that the dataplane cannot run on stays as it is', async (t) => {
  const problem = `{ what: 'the kernel has no acme', fix: 'load it' }`
  const proxy = await run(
    t,
    `async probe() { return { usable: false, problems: [${problem}], facts: {} } }, async open() { console.log('opened') }`,
  )
  t.is(await proxy.ended, 1)
  t.regex(proxy.text, /portolan: the kernel has no acme\n {2}fix: load it/)
  t.notRegex(proxy.text, /sysctl|opened/)
})

test('a start that hangs is ended by a signal', async (t) => {
  const proxy = await run(t, `open() { console.log('it opens'); return new Promise(() => {}) }`)
  await proxy.line(/it opens/)
  proxy.signal()
  t.is(await proxy.ended, 0)
  t.regex(proxy.text, /"event":"stopping","signal":"SIGTERM"/)
})

test('a route that cannot be compiled is left out alone, and named', async (t) => {
  const proxy = await run(
    t,
    `reconcile: (_held, { family, routes }) => {
      if (routes.has('shop/web:http/TCP')) throw new RangeError('too many ports')
      return program({ family, routes })
    }`,
  )
  await proxy.line(/node in sync/)
  t.regex(
    proxy.text,
    /"route":"shop\/web:http\/TCP","reason":"dataplane acme can't compile it, .*: too many ports; report it to/,
  )
  t.regex(proxy.text, /"changedRoutes":7.*"operations":6.*first apply done/)
})

test('an apply that hangs does not keep the process from ending', async (t) => {
  const proxy = await run(t, 'apply: () => new Promise(() => {})')
  await proxy.line(/cluster state is complete/)
  proxy.signal()
  await proxy.ended
  t.regex(proxy.text, /dataplane acme is still at work after 10 s/)
})

test('a stop that hangs is told once, with what to do, and not as a stop', async (t) => {
  const proxy = await run(t, 'close: () => new Promise(() => {})')
  await proxy.line(/node in sync/)
  proxy.signal()
  t.is(await proxy.ended, 1)
  t.regex(
    proxy.text,
    /"event":"stop-failed","fix":".*author of the dataplane","msg":"stopping failed: dataplane acme: close has not/,
  )
  t.notRegex(proxy.text, /"msg":"stopped/)
})

test('a report that is none is told, and the rules count as applied', async (t) => {
  const proxy = await run(t, 'async apply() {}')
  await proxy.line(/node in sync/)
  t.regex(proxy.text, /dataplane acme: apply of IPv4 returned undefined; an ApplyReport has bytes/)
  proxy.signal()
  t.is(await proxy.ended, 0)
})

for (const [what, stray, text] of [
  ['a promise that nothing waits for', 'void Promise.reject(new Error("lost"))', 'lost'],
  ['a promise that tells nothing', 'void Promise.reject()', 'undefined'],
  ['a timer', 'setTimeout(() => { throw new Error("lost") }, 1)', 'lost'],
] as const) {
  test(`an error of ${what} ends the process with a log line`, async (t) => {
    const proxy = await run(t, `async isUnchanged() { ${stray}; return true }`)
    t.is(await proxy.ended, 1)
    t.regex(
      proxy.text,
      new RegExp(`"level":"fatal".*"event":"stray-error".*an error that nothing waited for: ${text};`),
    )
    t.notRegex(proxy.text, /^\s+at /m)
  })
}

test('a timer that is left running does not keep a stopped process', async (t) => {
  const proxy = await run(t, 'async open() { setInterval(() => {}, 1000) }')
  await proxy.line(/node in sync/)
  proxy.signal()
  t.is(await proxy.ended, 0)
  t.regex(proxy.text, /"event":"left-open"/)
})

test('a plan names the routes that would be left out, or not work as asked', async (t) => {
  const planned = await run(
    t,
    `reconcile: (_held, table) => ({
      ...program(table),
      degraded: [{ route: 'shop/web:http/TCP', reason: 'too many ports' }],
    })`,
    'plan',
  )
  t.is(await planned.ended, 0)
  t.regex(planned.text, /portolan: IPv4: route shop\/web:http degraded: too many ports\n/)
})
