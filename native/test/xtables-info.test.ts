import { createLab } from '@portolan/lab'
import test from 'ava'
import { XtablesInfo } from '../netfilter/index.ts'
import { SystemCommand } from '../system-command.ts'

test('a legacy table is looked at as it is, and one that grew meanwhile is told', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { networkNamespace } = lab.node
  const add = (address: string) =>
    new SystemCommand(networkNamespace).run('iptables-legacy', ['-A', 'INPUT', '-s', address, '-j', 'DROP'])
  const info = new XtablesInfo(networkNamespace)
  try {
    await add('192.0.2.1')
    const before = info.shape('IPv4', 'filter')!
    const digest = info.digest('IPv4', 'filter', before.bytes)
    t.truthy(digest)
    t.is(info.digest('IPv4', 'filter', before.bytes), digest)
    await add('192.0.2.2')
    t.is(info.digest('IPv4', 'filter', before.bytes), undefined)
    const after = info.shape('IPv4', 'filter')!
    t.not(after.text, before.text)
    t.not(info.digest('IPv4', 'filter', after.bytes), digest)
  } finally {
    info.close()
  }
})
