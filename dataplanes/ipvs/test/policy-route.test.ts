import { createLab } from '@portolan/lab'
import test from 'ava'
import { PolicyRoute } from '../kernel/policy-route.ts'

const mark = 0x2000

for (const family of ['IPv4', 'IPv6'] as const) {
  test(`${family}: rule and route go, whether they were made here or by ip(8)`, async (t) => {
    await using lab = await createLab()
    const ip = async (...args: readonly string[]) =>
      (await lab.node.exec('/usr/sbin/ip', [family === 'IPv4' ? '-4' : '-6', ...args])).stdout
    const left = async () => [
      await ip('route', 'show', 'table', 'all', 'type', 'local', 'default'),
      /20559/.test(await ip('rule', 'list')),
    ]
    const routes = new PolicyRoute(lab.node.networkNamespace)
    try {
      t.false(routes.remove(family))
      routes.add(family, mark)
      t.true(routes.isRouted(family, mark))
      t.true(routes.remove(family))
      t.deepEqual(await left(), ['', false])

      await ip('route', 'add', 'local', 'default', 'dev', 'lo', 'table', '20559')
      await ip('rule', 'add', 'priority', '30', 'fwmark', '0x2000/0x2000', 'lookup', '20559')
      t.true(routes.isRouted(family, mark))
      t.true(routes.remove(family))
      t.deepEqual(await left(), ['', false])
      t.false(routes.isRouted(family, mark))
    } finally {
      routes.close()
    }
  })
}
