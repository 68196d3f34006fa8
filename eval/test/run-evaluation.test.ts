/** An evaluation that doesn't come to its end by itself. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { Evaluation } from '../evaluate.ts'
import { runEvaluation } from '../process/run-evaluation.ts'

const folder = await mkdtemp(join(tmpdir(), 'portolan-eval-'))
test.after.always(() => rm(folder, { recursive: true, force: true }))

const evaluationOf = (dataplane: string, callMs: number): Evaluation => ({
  dataplane,
  parts: ['shape', 'convergence'],
  isQuick: true,
  services: [10],
  callMs,
  slowness: 1,
  command: 'portolan eval',
  version: '0.1.0',
})
const watcher = { step() {}, part() {}, objects() {}, kept() {} }

const modules: readonly (readonly [what: string, text: string, told: RegExp])[] = [
  ['holds the event loop', 'while (true);', /held the event loop for 8 s and never returned/],
  ['ends the process', 'process.exit(7)', /^the process has ended \(exit code 7\): it printed nothing$/],
  [
    'throws where nobody listens',
    "setTimeout(() => { throw new Error('man overboard') })\nawait new Promise((done) => setTimeout(done, 60_000))",
    /^the process has ended \(exit code 1\): [\s\S]*man overboard/,
  ],
]
for (const [what, text, told] of modules)
  test(`a module that ${what} has a card that says so`, async (t) => {
    t.timeout(600_000)
    const path = join(folder, `${what.replaceAll(' ', '-')}.mjs`)
    await writeFile(path, text)
    // A process that is busy may be silent for a while; only the one that hangs is waited for.
    const callMs = what.startsWith('holds') ? 2000 : 30_000
    const card = await runEvaluation(evaluationOf(path, callMs), watcher)
    const [shape, convergence] = card.parts
    t.is(shape?.checks[0]?.name, 'it can be loaded')
    t.regex(shape?.checks[0]?.detail ?? '', told)
    t.is(convergence?.outcome, 'not reached')
    t.is(card.parts.at(-1)?.outcome, 'left out')
  })

test('one that is interrupted says that it was', async (t) => {
  t.timeout(600_000)
  const path = join(folder, 'waits.mjs')
  await writeFile(path, 'await new Promise((done) => setTimeout(done, 600_000))')
  const interrupted = new AbortController()
  const running = runEvaluation(
    evaluationOf(path, 60_000),
    { ...watcher, step: () => interrupted.abort() },
    { signal: interrupted.signal },
  )
  t.is((await running).parts[0]?.checks[0]?.detail, 'it was interrupted')
})

test('the node of a failed row stays until the evaluation is ended, and then it is gone', async (t) => {
  t.timeout(600_000)
  const ended = new AbortController()
  const kept: string[] = []
  const card = await runEvaluation(
    {
      ...evaluationOf(fileURLToPath(import.meta.resolve('./without-masquerade.ts')), 60_000),
      parts: ['conformance', 'operation'],
      rows: 'a ClusterIP masquerades what comes',
      keeps: true,
    },
    {
      ...watcher,
      kept(scenario, networkNamespace) {
        kept.push(scenario)
        // npm's PATH has another program of this name.
        const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
        const rules = execFileSync('nsenter', [`--net=${networkNamespace}`, 'nft', 'list', 'tables'], { env })
        kept.push(String(rules).trim(), networkNamespace)
        ended.abort()
      },
    },
    { signal: ended.signal },
  )
  const [scenario, rules, networkNamespace = ''] = kept
  t.is(scenario, 'the matrix of frontends, policies and endpoints')
  t.regex(rules ?? '', /portolan/)
  t.false(existsSync(networkNamespace))
  const { conformance, operation } = Object.fromEntries(card.parts.map((part) => [part.name, part]))
  t.is(conformance?.outcome, 'failed')
  t.true(conformance?.checks.some(({ outcome }) => outcome === 'failed'))
  t.is(operation?.outcome, 'not reached')
})
