import test from 'ava'
import type { EventFields } from '../../log/logger.ts'
import { VirtualClock } from '../../time/test/virtual-clock.ts'
import type { KubeProxyRules } from '../kube-proxy-rules.ts'
import { KubeProxyWatch } from '../kube-proxy-watch.ts'

const none: KubeProxyRules = { nftables: [], 'iptables-nft': [], 'iptables-legacy': [], ipvs: [] }
const table = { ...none, nftables: ['table ip kube-proxy'] }
const minute = 60_000

interface Line {
  readonly level: string
  readonly event: string
  readonly message: string
}

async function watching(first: KubeProxyRules, processes: readonly number[] = []) {
  const clock = new VirtualClock()
  const lines: Line[] = []
  const take = (level: string) => (fields: EventFields | object, message: string) =>
    lines.push({ level, event: (fields as EventFields).event, message })
  const logger = { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') }
  const host: {
    rules: KubeProxyRules
    processes: readonly number[]
    looks: number
    error?: Error | undefined
  } = { rules: first, processes, looks: 0 }
  const told: (readonly string[])[] = []
  const watch = new KubeProxyWatch({
    logger,
    onFound: (rules) => told.push(rules),
    clock,
    readRules: async () => {
      host.looks++
      if (host.error !== undefined) throw host.error
      return host.rules
    },
    readProcesses: async () => host.processes,
  })
  watch.start()
  await clock.pass(0)
  return { clock, lines, host, watch, told }
}

test('rules beside ours are told once, with what to do, and that they are gone', async (t) => {
  const { clock, lines, host, watch, told } = await watching(table)
  await clock.pass(3 * minute)
  t.deepEqual(told, [['table ip kube-proxy']])
  t.deepEqual([...watch.found.keys()], ['nftables'])
  host.rules = none
  await clock.pass(minute)
  t.deepEqual(
    lines.map(({ level, event }) => [level, event]),
    [
      ['warn', 'kube-proxy-beside'],
      ['info', 'kube-proxy-gone'],
    ],
  )
  t.regex(
    lines[0]?.message ?? '',
    /table ip kube-proxy\. If it still runs, stop it, then run 'kube-proxy --cleanup'/,
  )
  t.is(watch.found.size, 0)
})

test('a node without kube-proxy is not a word', async (t) => {
  const { clock, lines } = await watching(none, [7])
  await clock.pass(3 * minute)
  t.deepEqual(lines, [])
})

test('a kube-proxy that runs is named, also when it comes later', async (t) => {
  const { clock, lines, host } = await watching(table)
  host.processes = [4711]
  await clock.pass(minute)
  t.is(lines.length, 2)
  t.regex(
    lines[1]?.message ?? '',
    /Stop it \(process 4711; where a DaemonSet runs it, keep that off this node\)/,
  )
})

test('what cannot be told is as it was', async (t) => {
  const { clock, lines, host } = await watching(table)
  host.rules = { ...none, nftables: undefined }
  await clock.pass(minute)
  t.is(lines.length, 1)
})

test('a look that fails leaves what is known, and the next one is made', async (t) => {
  const { clock, lines, host, watch } = await watching(table)
  host.error = new Error('spawn ENOMEM')
  await clock.pass(minute)
  t.deepEqual([...watch.found.keys()], ['nftables'])
  Object.assign(host, { error: undefined, rules: none })
  await clock.pass(minute)
  t.deepEqual(
    lines.map(({ event }) => event),
    ['kube-proxy-beside', undefined, 'kube-proxy-gone'],
  )
})

test('after its stop it looks no more', async (t) => {
  const { clock, host, watch } = await watching(none)
  watch.stop()
  await clock.pass(3 * minute)
  t.is(host.looks, 1)
})

test('what can not be told twice in a row is told once, with how to look', async (t) => {
  const { clock, lines, host } = await watching({ ...none, 'iptables-legacy': undefined })
  t.deepEqual(lines, [])
  await clock.pass(3 * minute)
  t.deepEqual(
    lines.map(({ level, event }) => [level, event]),
    [['info', 'kube-proxy-unseen']],
  )
  t.regex(
    lines[0]?.message ?? '',
    /by iptables-legacy can't be told here: .*iptables-legacy-save \| grep KUBE-/,
  )
  host.rules = none
  await clock.pass(minute)
  host.rules = { ...none, nftables: undefined }
  await clock.pass(minute)
  host.rules = none
  await clock.pass(minute)
  t.is(lines.length, 1)
})
