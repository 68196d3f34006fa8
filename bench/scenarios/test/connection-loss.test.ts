import { setTimeout as sleep } from 'node:timers/promises'
import { createLab, type Lab } from '@portolan/lab'
import test from 'ava'
import { probeAddresses, probePort } from '../../cluster/probe-services.ts'
import { countConnections, watchConnections } from '../connection-loss.ts'

let lab: Lab

test.before(async () => {
  lab = await createLab()
  // No one translates here, so the probe Service's address is one of the internet's.
  await lab.internet.serve('TCP', '0.0.0.0', probePort)
})

test.after.always(() => lab?.close())

const address = { probes: probeAddresses }

const rule = (action: 'add' | 'delete') => lab.node.exec('nft', [`${action} table ip pl-loss`])

test.serial('where every packet arrives, no connection is lost', async (t) => {
  // A machine that stands still tries few of them; not time and again.
  for (let round = 1; ; round++) {
    const counting = await countConnections({ lab, address }, 'first')
    await sleep(300)
    const { tried, lost } = await counting.stop()
    t.is(lost, 0)
    if (round < 10 && tried <= 10) continue
    t.true(tried > 10, `${tried}`)
    return
  }
})

/** Answers as an echo server of the lab does, later than that by so much. */
const slowServer = `
require('net')
  .createServer((socket) => {
    socket.on('error', () => {})
    const { localAddress: address, localPort: port } = socket
    const reply = JSON.stringify({ host: 'slow', address, port, seen: { address, port } })
    setTimeout(() => socket.write(reply + '\\n'), 1500)
  })
  .listen(${probePort}, '0.0.0.0', () => console.log('listening'))
`

test.serial(
  'an answer that a busy machine keeps back for long is no loss: no packet was sent again',
  async (t) => {
    await using slow = await createLab()
    const stop = new AbortController()
    const listening = Promise.withResolvers<void>()
    const serving = slow.internet.exec(process.execPath, ['-e', slowServer], {
      reject: false,
      cancelSignal: stop.signal,
      stdout: function* (line: unknown) {
        listening.resolve()
        yield line
      },
    })
    try {
      await Promise.race([listening.promise, serving])
      const counting = await countConnections({ lab: slow, address }, 'first')
      await sleep(300)
      const { tried, lost } = await counting.stop()
      t.true(tried > 0)
      t.is(lost, 0)
    } finally {
      stop.abort()
      await serving
    }
  },
)

test.serial('a dropped packet is counted as a lost connection', async (t) => {
  await rule('add')
  await lab.node.exec('nft', ['add chain ip pl-loss lossy { type filter hook forward priority 0 ; }'])
  await lab.node.exec('nft', ['add rule ip pl-loss lossy ct state new numgen inc mod 4 == 0 drop'])
  const counting = await countConnections({ lab, address }, 'first')
  await sleep(300)
  const { tried, lost } = await counting.stop()
  await rule('delete')
  t.true(lost > 0, `${lost} of ${tried}`)
  t.true(lost < tried, `${lost} of ${tried}`)
})

test.serial(
  'where what is watched fails, no connection is opened any more, and none is recorded',
  async (t) => {
    const record = () => t.fail('recorded')
    const work = async () => {
      throw new Error('this is wrong')
    }
    await t.throwsAsync(watchConnections({ lab, address, record }, 'first-packet', work), {
      message: 'this is wrong',
    })
    // What is still on its way from before comes to an end; a loop that goes on opens forty in this time.
    let [before, now] = [-1, await connectionsTaken()]
    for (let look = 0; look < 50 && now !== before; look++) {
      await sleep(200)
      ;[before, now] = [now, await connectionsTaken()]
    }
    t.true(now > 0)
    t.is(now, before)
  },
)

/** All so far, by the kernel's count. */
async function connectionsTaken(): Promise<number> {
  const { stdout } = await lab.internet.exec('cat', ['/proc/net/snmp'])
  const [names = [], values = []] = String(stdout)
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
    .map((line) => line.split(' '))
  return Number(values[names.indexOf('PassiveOpens')])
}
