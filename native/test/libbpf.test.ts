import { existsSync, rmSync } from 'node:fs'
import test from 'ava'
import {
  BpfError,
  BpfMap,
  BpfObject,
  type LoadOptions,
  lockBpfFileSystem,
  readPrograms,
} from '../libbpf/index.ts'

const options: LoadOptions = {
  maps: ['frontends', 'ranges', 'services'],
  programs: ['packets_in'],
  sizes: {
    frontends: 100_000,
    services: 64,
    endpoints: 64,
    flows: 64,
    peers: 64,
    choices: 64,
    affinities: 64,
  },
}

const key = (number: number) => {
  const bytes = Buffer.alloc(20)
  bytes.writeUInt32LE(number, 0)
  return bytes
}

test('what is set one by one or in batches is read, iterated and deleted', (t) => {
  const object = BpfObject.loadBlocking(readPrograms(), options)
  const map = object.map('frontends')
  t.is(map.get(key(1)), undefined)
  map.set(key(1), Buffer.alloc(8, 7))
  t.deepEqual(map.get(key(1)), Buffer.alloc(8, 7))
  const count = 40_000
  const keys = Buffer.concat(Array.from({ length: count }, (_, index) => key(index)))
  map.setMany(keys, Buffer.alloc(count * 8, 1), count)
  const seen = new Set<number>()
  for (const one of map.entries()) seen.add(one.key.readUInt32LE(0))
  t.is(seen.size, count)
  for (const number of seen) t.true(map.delete(key(number)))
  t.deepEqual([...map.entries()], [])
  t.false(map.delete(key(1)))
  object.close()
})

test('a map that is full is named', (t) => {
  const object = BpfObject.loadBlocking(readPrograms(), {
    ...options,
    sizes: { ...options.sizes, frontends: 16 },
  })
  const map = object.map('frontends')
  const fill = () => {
    for (let number = 0; number < 17; number++) map.set(key(number), Buffer.alloc(8))
  }
  t.throws(fill, { instanceOf: BpfError, code: 'E2BIG', message: /map frontends/ })
  object.close()
})

/** Each map has its elements in other buckets: of ten that are full, some have two in the first one. */
test('a map that has elements is not empty, whichever buckets of the kernel they share', (t) => {
  for (let round = 0; round < 10; round++) {
    const object = BpfObject.loadBlocking(readPrograms(), {
      ...options,
      sizes: { ...options.sizes, frontends: 16, untranslated: 64, fragments: 64 },
    })
    const map = object.map('frontends')
    t.true(map.isEmpty)
    for (let number = 0; number < 16; number++) map.set(key(number), Buffer.alloc(8))
    t.false(map.isEmpty)
    object.close()
  }
})

test("a program that the kernel refuses is told with the verifier's words", (t) => {
  const bytes = Buffer.from(readPrograms())
  // Without a free licence it may not use half of what it uses.
  bytes.write('XXX', bytes.indexOf('GPL\0'))
  const error = t.throws(() => BpfObject.loadBlocking(bytes, options), { instanceOf: BpfError })
  t.regex(error.log!, /GPL/)
})

test('a pinned map is used again with all that it holds', async (t) => {
  const lock = await lockBpfFileSystem(true)
  const pinDirectory = `/sys/fs/bpf/portolan-test-${process.pid}`
  try {
    const first = BpfObject.loadBlocking(readPrograms(), { ...options, pinDirectory })
    first.map('frontends').set(key(5), Buffer.alloc(8, 5))
    t.false(existsSync(pinDirectory), 'loading pins nothing')
    first.pin(pinDirectory)
    first.close()
    const second = BpfObject.loadBlocking(readPrograms(), { ...options, pinDirectory })
    t.deepEqual(second.map('frontends').get(key(5)), Buffer.alloc(8, 5))
    t.true(second.program('packets_in').maps.includes(second.map('frontends').id))
    second.close()
  } finally {
    rmSync(pinDirectory, { recursive: true, force: true })
    lock.release()
  }
})

test('of two that were loaded at once, what is pinned is what the last one that pinned uses', async (t) => {
  const lock = await lockBpfFileSystem(true)
  const pinDirectory = `/sys/fs/bpf/portolan-test-${process.pid}-twice`
  const pinned = () =>
    options.maps.map((name) => {
      const map = BpfMap.openPinned(name, `${pinDirectory}/${name}`)
      map.close()
      return map.id
    })
  const idsOf = (object: BpfObject) => options.maps.map((name) => object.map(name).id)
  try {
    const [first, second] = [0, 1].map(() =>
      BpfObject.loadBlocking(readPrograms(), { ...options, pinDirectory }),
    )
    t.notDeepEqual(idsOf(first!), idsOf(second!))
    for (const one of [first!, first!, second!, first!]) {
      one.pin(pinDirectory)
      t.deepEqual(pinned(), idsOf(one))
    }
    first!.close()
    second!.close()
  } finally {
    rmSync(pinDirectory, { recursive: true, force: true })
    lock.release()
  }
})
