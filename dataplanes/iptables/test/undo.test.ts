import { BrokenCall } from '@portolan/conformance/convergence'
import { everything, frontend, internal, route, table, web } from '@portolan/conformance/example-tables'
import { NetfilterModel } from '@portolan/conformance/netfilter-model'
import { ApplyError, fullDifference } from '@portolan/core'
import { SystemCommandError } from '@portolan/native/system-command'
import test from 'ava'
import { defineIptables } from '../iptables-dataplane.ts'
import { setName, standInName } from '../layout/sets.ts'

const wanted = everything()

/** A dataplane, and a kernel that refuses the table nat, and what comes after it if it is told to. */
function refusingNat(refusesUndoing: boolean) {
  const kernel = new NetfilterModel()
  const fingerprint = { generation: () => undefined, shape: () => undefined, close() {} }
  const options = { masqueradeBit: 14, settings: { variant: 'nft' } }
  const dataplane = defineIptables({ command: kernel, openFingerprint: () => fingerprint }).create(options)
  const run = kernel.run.bind(kernel)
  let isRefusing = true
  let sawNat = false
  kernel.run = async (program, args, input = '') => {
    const isNat = input.startsWith('*nat')
    sawNat ||= isNat
    if (isRefusing && (isNat || (sawNat && refusesUndoing && input !== '' && args[0] !== '-')))
      throw new BrokenCall('refused')
    return run(program, args, input)
  }
  const apply = async (asked = wanted) =>
    dataplane.apply(dataplane.reconcile(await dataplane.observe('IPv4'), asked))
  const left = async () => dataplane.print(dataplane.reconcile(await dataplane.observe('IPv4'), wanted))
  return { kernel, apply, left, recover: () => (isRefusing = false), refuse: () => (isRefusing = true) }
}

test('what was done before the table nat was refused is taken back', async (t) => {
  const { apply, left } = refusingNat(false)
  const before = await left()
  await t.throwsAsync(apply())
  t.is(await left(), before)
})

test('a set that was swapped for one of another size is swapped back', async (t) => {
  const { kernel, apply, left, recover, refuse } = refusingNat(false)
  const name = setName('IPv4', 'cluster-ips')
  const small = standInName(name)
  recover()
  await apply(table([route('shop/cart:http', web, [frontend('ClusterIP', '10.96.0.30', 80, internal)])]))
  // As an earlier version had it, with the clusters of then.
  const lines = [
    `create ${small} hash:ip family inet hashsize 1024 maxelem 4096`,
    `add ${small} 10.96.255.255`,
    `swap ${small} ${name}`,
    `destroy ${small}`,
  ]
  await kernel.run('ipset', ['-exist', 'restore'], lines.join('\n'))
  const before = await left()
  t.true(before.includes(`swap ${small} ${name}`), before)
  refuse()
  await t.throwsAsync(apply())
  t.deepEqual([...(kernel.elements(name)?.keys() ?? [])], ['10.96.255.255'])
  t.is(kernel.elements(small), undefined)
  t.is(await left(), before)
  recover()
  await apply()
  t.is(await left(), '')
})

test('an undo that is refused as well is told, and the next reconciliation puts everything right', async (t) => {
  const { apply, left, recover } = refusingNat(true)
  const error = await t.throwsAsync(apply(), { instanceOf: ApplyError })
  t.regex(error?.message ?? '', /could not be undone completely/)
  recover()
  await apply()
  t.is(await left(), '')
})

test('a set that can not be destroyed fails the change that left it, and goes with the next reconciliation', async (t) => {
  const kernel = new NetfilterModel()
  const fingerprint = { generation: () => undefined, shape: () => undefined, close() {} }
  const options = { masqueradeBit: 14, settings: { variant: 'nft' } }
  const dataplane = defineIptables({ command: kernel, openFingerprint: () => fingerprint }).create(options)
  const clusterIP = frontend('ClusterIP', '10.96.0.30', 80, internal)
  const sticky = table([route('shop/cart:http', web, [clusterIP], { affinitySeconds: 60 })])
  const none = table([])
  const reconcile = async () => dataplane.reconcile(await dataplane.observe('IPv4'), none)
  await dataplane.apply(dataplane.reconcile(undefined, sticky))
  const run = kernel.run.bind(kernel)
  kernel.run = async (program, args, input = '') => {
    if (input.startsWith('destroy'))
      throw new SystemCommandError('COMMAND_FAILED', program, 'in use', 'in use')
    return run(program, args, input)
  }
  const error = await t.throwsAsync(dataplane.apply(dataplane.compile(fullDifference(sticky, none))), {
    instanceOf: ApplyError,
  })
  t.regex(error?.message ?? '', /can't be destroyed: PORTOLAN-4-A-/)
  kernel.run = run
  await dataplane.apply(await reconcile())
  t.is(dataplane.print(await reconcile()), '')
})
