import { setTimeout as sleep } from 'node:timers/promises'
import { createLab, type Lab } from '@portolan/lab'
import test from 'ava'
import { probePort } from '../cluster/probe-services.ts'
import { countConnections } from './connection-loss.ts'

let lab: Lab

test.before(async () => {
  lab = await createLab()
  // Nobody translates here, so the probe Service's address is one of the internet's.
  await lab.internet.serve('TCP', '0.0.0.0', probePort)
})

test.after.always(() => lab?.close())

const rule = (action: 'add' | 'delete') => lab.node.exec('nft', [`${action} table ip pl-loss`])

test.serial('where every packet arrives, no connection is lost', async (t) => {
  const counting = await countConnections(lab, 'first')
  await sleep(300)
  const { tried, lost } = await counting.stop()
  t.true(tried > 10)
  t.is(lost, 0)
})

test.serial('a dropped packet is counted as a lost connection', async (t) => {
  await rule('add')
  await lab.node.exec('nft', ['add chain ip pl-loss lossy { type filter hook forward priority 0 ; }'])
  await lab.node.exec('nft', ['add rule ip pl-loss lossy ct state new numgen inc mod 4 == 0 drop'])
  const counting = await countConnections(lab, 'first')
  await sleep(300)
  const { tried, lost } = await counting.stop()
  await rule('delete')
  t.true(lost > 0, `${lost} of ${tried}`)
  t.true(lost < tried, `${lost} of ${tried}`)
})
