import { createLab } from '@portolan/lab'
import { NetlinkSocket, NetlinkWriter } from '@portolan/native'
import {
  netlinkNetfilter,
  readIpsetRevision,
  writeIpsetList,
  writeIpsetTypeRequest,
} from '@portolan/native/netfilter'
import test from 'ava'
import { isDeclaredAs, writeCreate } from '../kernel/ipset-messages.ts'
import { isDeclaredAs as isSavedAs } from '../kernel/ipset-output.ts'
import { declarationOf, kernelName, type SetName, sets, setTypes } from '../layout/sets.ts'

const families = ['IPv4', 'IPv6'] as const

/** Of the kernel's own sets, without IPVS. */
test('a set that we made is told from one of another type, family, size or options, by netlink and by ipset', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { networkNamespace } = lab.node
  const socket = new NetlinkSocket({ protocol: netlinkNetfilter, networkNamespace, sendBufferBytes: 65_536 })
  const writer = new NetlinkWriter()
  const refused = ({ errno }: { readonly errno: number }) => new Error(`errno ${errno}`)
  const revisionOf = (family: (typeof families)[number], name: SetName) => {
    writer.reset()
    writeIpsetTypeRequest(writer, family, setTypes[declarationOf(name).kind])
    try {
      return readIpsetRevision(socket.ask(writer.bytes, refused).payload)
    } catch (error) {
      const noSuchType = 'errno 4098'
      if (error instanceof Error && error.message === noSuchType) return undefined
      throw error
    }
  }
  const told = async (family: (typeof families)[number], name: SetName) => {
    const { kind } = declarationOf(name)
    writer.reset()
    writeIpsetList(writer, family, kernelName(family, name))
    const heads = [...socket.dump(writer.bytes, refused)].map(({ payload }) =>
      isDeclaredAs(payload, family, kind),
    )
    const saved =
      (await lab.node.exec('ipset', ['save', kernelName(family, name)])).stdout.split('\n')[0] ?? ''
    return [heads.filter((one) => one !== undefined), isSavedAs(saved.split(' ').slice(2), family, kind)]
  }
  try {
    for (const family of families) {
      const inet = family === 'IPv4' ? ['inet', 'inet6'] : ['inet6', 'inet']
      const others = [
        `hash:net,port family ${inet[0]} maxelem 16777216`,
        `hash:ip,port family ${inet[1]} maxelem 16777216 skbinfo`,
        `hash:net family ${inet[0]} maxelem 2`,
        `hash:ip family ${inet[0]} maxelem 16777216 timeout 5`,
        'bitmap:port range 1-10',
        'list:set',
      ]
      for (const { name, kind } of sets) {
        const set = kernelName(family, name)
        const isFirstOfKind = sets.find((one) => one.kind === kind)?.name === name
        for (const other of isFirstOfKind ? others : []) {
          await lab.node.exec('ipset', ['create', set, ...other.split(' ')])
          t.deepEqual(await told(family, name), [[false], false], `${name} as ${other}`)
          await lab.node.exec('ipset', ['destroy', set])
        }
        const revision = revisionOf(family, name)
        if (revision === undefined) {
          t.log(`${name}: this kernel has no ${setTypes[kind]}`)
          continue
        }
        writer.reset()
        writeCreate(writer, family, name, revision)
        t.deepEqual(socket.transact(writer.bytes, 1), [])
        t.deepEqual(await told(family, name), [[true], true], name)
      }
    }
  } finally {
    socket.close()
  }
})
