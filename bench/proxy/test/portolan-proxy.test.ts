import { fileURLToPath } from 'node:url'
import { createLab, type Lab } from '@portolan/lab'
import test, { type ExecutionContext } from 'ava'
import { startApiServer } from '../../cluster/api-server.ts'
import { PortolanProxy } from '../portolan-proxy.ts'

const failing = fileURLToPath(new URL('../../run/test/fixtures/failing-dataplane.ts', import.meta.url))

let lab: Lab

test.before(async () => {
  lab = await createLab({ pods: 1 })
})

test.after.always(() => lab?.close())

async function start(t: ExecutionContext, module: string): Promise<PortolanProxy> {
  const server = startApiServer(lab.node.networkNamespace)
  t.teardown(() => server.end())
  const shape = { services: 5, endpointsPerService: 2 }
  const address = await server.call('load', { from: 'generated', shape })
  const proxy = new PortolanProxy({ module, settings: {} })
  t.teardown(() => proxy.stop('go').catch(() => {}))
  await proxy.start(lab.node, address)
  return proxy
}

test.serial('a first apply that goes on failing is reported to the caller of the start', async (t) => {
  const proxy = await start(t, failing)
  const message =
    /failing-dataplane.ts: apply failed 3 times in a row: dataplane failing: apply of IPv[46] failed: the kernel wants none of it/
  await t.throwsAsync(proxy.internals.started(), { message })
  await t.throwsAsync(proxy.internals.takeTrace(), { message })
  await t.throwsAsync(proxy.internals.eventsApplied(1), { message })
  await t.throwsAsync(proxy.ended, { message })
})

test.serial('a process that crashes has ended, with how', async (t) => {
  const proxy = await start(t, 'nftables')
  await proxy.internals.started()
  process.kill(proxy.internals.pid, 'SIGKILL')
  await t.throwsAsync(proxy.ended, { message: /^nftables: .*portolan-process.ts ended with SIGKILL/ })
  await t.throwsAsync(proxy.stop('go'))
})

test.serial('one that was stopped has not ended by itself', async (t) => {
  const proxy = await start(t, 'nftables')
  await proxy.internals.started()
  await proxy.stop('go')
  t.is(await Promise.race([proxy.ended, new Promise((resolve) => setImmediate(resolve, 'no'))]), 'no')
})

test.serial('a package that is none is told at once', async (t) => {
  const proxy = await start(t, '@portolan-test/no-such-dataplane')
  await t.throwsAsync(proxy.internals.started(), { message: /not installed/ })
})
