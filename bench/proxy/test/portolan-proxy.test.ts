import { fileURLToPath } from 'node:url'
import { createLab, type Lab } from '@portolan/lab'
import test, { type ExecutionContext } from 'ava'
import { startApiServer } from '../../cluster/api-server.ts'
import { ProxySubject } from '../portolan-proxy.ts'

const failing = fileURLToPath(new URL('../../run/test/fixtures/failing-dataplane.ts', import.meta.url))

let lab: Lab

test.before(async () => {
  lab = await createLab({ pods: 1 })
})

test.after.always(() => lab?.close())

async function start(t: ExecutionContext, module: string): Promise<ProxySubject> {
  const server = startApiServer(lab.node.networkNamespace)
  t.teardown(() => server.end())
  const shape = { services: 5, endpointsPerService: 2 }
  const address = await server.call('load', { from: 'generated', shape })
  const subject = new ProxySubject({ module, settings: {} })
  t.teardown(() => subject.stop('go').catch(() => {}))
  await subject.start(lab.node, address)
  return subject
}

test.serial('a first apply that goes on failing is told to whoever waits for the start', async (t) => {
  const subject = await start(t, failing)
  const message =
    /failing-dataplane.ts: apply failed 3 times in a row: dataplane failing: apply of IPv[46] failed: the kernel wants none of it/
  await t.throwsAsync(subject.inside.started(), { message })
  await t.throwsAsync(subject.inside.takeTrace(), { message })
  await t.throwsAsync(subject.inside.eventsApplied(1), { message })
  await t.throwsAsync(subject.ended, { message })
})

test.serial('a process that crashes has ended, with how', async (t) => {
  const subject = await start(t, 'nftables')
  await subject.inside.started()
  process.kill(subject.inside.pid, 'SIGKILL')
  await t.throwsAsync(subject.ended, { message: /^nftables: .*proxy-process.ts ended with SIGKILL/ })
  await t.throwsAsync(subject.stop('go'))
})

test.serial('one that was stopped has not ended by itself', async (t) => {
  const subject = await start(t, 'nftables')
  await subject.inside.started()
  await subject.stop('go')
  t.is(await Promise.race([subject.ended, new Promise((resolve) => setImmediate(resolve, 'no'))]), 'no')
})

test.serial('a package that is none is told at once', async (t) => {
  const subject = await start(t, '@portolan-test/no-such-dataplane')
  await t.throwsAsync(subject.inside.started(), { message: /not installed/ })
})
