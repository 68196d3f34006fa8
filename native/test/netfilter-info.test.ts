import { createLab } from '@portolan/lab'
import test from 'ava'
import { NetfilterInfo, XtablesInfo } from '../netfilter/index.ts'
import { SystemCommand } from '../system-command.ts'

test('the elements of an ipset are counted without being listed, and a set that is not there is told', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { networkNamespace } = lab.node
  const info = new NetfilterInfo(networkNamespace)
  try {
    t.is(info.elements('some'), undefined)
    const ipset = (lines: string) => new SystemCommand(networkNamespace).run('ipset', ['restore'], lines)
    await ipset('create some hash:ip\ncreate other hash:ip\nadd other 192.0.2.1\n')
    t.is(info.elements('some'), 0)
    await ipset('add some 192.0.2.1\nadd some 192.0.2.2\n')
    t.is(info.elements('some'), 2)
  } finally {
    info.close()
  }
})

test("nf_tables' generation grows by one with each transaction in the network namespace", async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { networkNamespace } = lab.node
  const info = new NetfilterInfo(networkNamespace)
  try {
    const before = info.generation()!
    const nft = (lines: string) => new SystemCommand(networkNamespace).run('nft', ['-f', '-'], lines)
    await nft('add table ip some; add chain ip some one; add chain ip some two')
    t.is(info.generation(), before + 1)
    await nft('delete table ip some')
    t.is(info.generation(), before + 2)
  } finally {
    info.close()
  }
})

test('whether the kernel has types of sets, matches and targets is asked by name and revision, and makes no table', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { networkNamespace } = lab.node
  const [netfilter, legacy] = [new NetfilterInfo(networkNamespace), new XtablesInfo(networkNamespace)]
  try {
    for (const family of ['IPv4', 'IPv6'] as const) {
      t.true(netfilter.setTypeRevision('hash:ip', family)! > 0)
      t.is(netfilter.setTypeRevision('hash:nothing', family), undefined)
      for (const info of [netfilter, legacy]) {
        t.true(info.hasExtension(family, 'match', 'conntrack', 1))
        t.true(info.hasExtension(family, 'target', 'DNAT', 1))
        t.false(info.hasExtension(family, 'match', 'nothing', 0))
        t.false(info.hasExtension(family, 'target', 'DNAT', 200))
      }
    }
    const tables = await new SystemCommand(networkNamespace).run('cat', ['/proc/net/ip_tables_names'])
    t.is(tables, '')
  } finally {
    netfilter.close()
    legacy.close()
  }
})
