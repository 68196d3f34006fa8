/** The search finds what mutants do wrong, what it has found is found again, and of a sound dataplane it finds nothing. */
import nftables from '@portolan/dataplane-nftables'
import test from 'ava'
import { mutantFactory } from '../../mutants/mutant-factory.ts'
import { type PhaseName, parsePath, replay, type SearchOptions, search, searchPath } from '../index.ts'

const sound: Omit<SearchOptions, 'phases'> = {
  factory: nftables,
  settings: {},
  seed: 1,
  // Rounds, or a finding, end it.
  searchMs: 3_600_000,
  shrinkMs: 5000,
}

test.serial('a sound dataplane goes right in two rounds of each phase', async (t) => {
  t.timeout(600_000)
  const phases: readonly PhaseName[] = ['convergence', 'packets', 'conversations']
  const { found, rounds, probes, conversations } = await search({ ...sound, phases, rounds: 2 })
  t.is(found, undefined)
  t.deepEqual(rounds, { convergence: 2, packets: 2, conversations: 2 })
  t.true(probes > 20 && conversations > 10)
})

const rows: readonly { readonly phase: PhaseName; readonly mutant: string; readonly told: RegExp }[] = [
  { phase: 'convergence', mutant: 'changesIPv4Only', told: /IPv6: the kernel differs from the table/ },
  {
    phase: 'conversations',
    mutant: 'losesFragments',
    told: /says \d+ bytes to .*without a proxy|due is one answer/,
  },
]

for (const { phase, mutant, told } of rows)
  test.serial(`${phase}: ${mutant} is found, and found again by its path and by its test`, async (t) => {
    t.timeout(900_000)
    const factory = mutantFactory(nftables)
    const options = { ...sound, factory, settings: { mutant }, phases: [phase] }
    const { found } = await search(options)
    t.regex(found?.wrong ?? 'nothing', told)
    const path = parsePath(found!.path)!
    t.is(path.phase, phase)
    const followed = await searchPath(options, path)
    t.deepEqual(followed.found?.trial, found?.trial)
    t.is(await replay({ factory: nftables }, found!.trial), undefined)
    t.not(await replay({ factory, settings: { mutant } }, found!.trial), undefined)
  })

test.serial('a search that is interrupted ends at once, and without a finding', async (t) => {
  t.timeout(300_000)
  const interrupted = new AbortController()
  const begun: string[] = []
  const { found, rounds } = await search({
    ...sound,
    phases: ['packets'],
    signal: interrupted.signal,
    watcher: {
      round(path) {
        begun.push(path)
        if (begun.length === 2) interrupted.abort()
      },
    },
  })
  t.is(found, undefined)
  t.is(rounds.packets, 1)
  t.deepEqual(begun, ['packets/0', 'packets/1'])
})

test.serial('what is made short when a search is interrupted is found as it was seen', async (t) => {
  t.timeout(300_000)
  const interrupted = new AbortController()
  let seen = ''
  const { found } = await search({
    ...sound,
    factory: mutantFactory(nftables),
    settings: { mutant: 'changesIPv4Only' },
    phases: ['convergence'],
    signal: interrupted.signal,
    watcher: {
      found(path) {
        seen = path
        interrupted.abort()
      },
    },
  })
  t.like(found, { path: seen, isWhole: true })
  t.regex(found?.wrong ?? 'nothing', /IPv6: the kernel differs from the table/)
})

test.serial('a path that is cut off was not tried to its end', async (t) => {
  t.timeout(300_000)
  const options = { ...sound, phases: ['packets'] as const }
  const { found, isCutOff } = await searchPath({ ...options, searchMs: 1 }, parsePath('packets/0')!)
  t.is(found, undefined)
  t.true(isCutOff)
  t.is((await searchPath(options, parsePath('packets/0')!)).isCutOff, undefined)
})
