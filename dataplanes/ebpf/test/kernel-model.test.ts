import { isDeepStrictEqual } from 'node:util'
import { BrokenCall, checkConvergence, type Subject } from '@portolan/conformance/convergence'
import { type BpfMap, BpfObject, readPrograms } from '@portolan/native/libbpf'
import test from 'ava'
import { allMaps } from '../layout/maps.ts'
import { modelSubject } from './convergence-subject.ts'
import { KernelModel } from './kernel-model.ts'

/** Does to a map of the kernel what is done to the model of it, and throws when they differ. */
function twin(real: BpfMap, model: Pick<BpfMap, 'setIfRoom' | 'get' | 'delete' | 'setMany'>): BpfMap {
  const both = <Arguments extends unknown[], Result>(
    name: string,
    one: (...given: Arguments) => Result,
    other: (...given: Arguments) => Result,
  ) => {
    return (...given: Arguments): Result => {
      let modelled: Result
      try {
        modelled = other(...given)
      } catch (error) {
        // A call that the test refuses comes to neither, and one of which the answer is lost to both.
        if (error instanceof BrokenCall && error.how === 'lost') one(...given)
        throw error
      }
      const result = one(...given)
      if (isDeepStrictEqual(result, modelled)) return result
      throw new Error(`${name} of map ${real.name}: the kernel gives ${result}, the model ${modelled}`)
    }
  }
  const parts: Partial<BpfMap> = {
    setIfRoom: both('setIfRoom', real.setIfRoom.bind(real), model.setIfRoom.bind(model)),
    get: both('get', real.get.bind(real), model.get.bind(model)),
    delete: both('delete', real.delete.bind(real), model.delete.bind(model)),
    setMany: both('setMany', real.setMany.bind(real), model.setMany.bind(model)),
  }
  return new Proxy(real, {
    get: (target, name) => {
      const part: unknown = Reflect.get(name in parts ? parts : target, name)
      return typeof part === 'function' && !(name in parts) ? part.bind(target) : part
    },
  })
}

/** Everything is read from the kernel, so that what is there has to be what the model took it for. */
function twinSubject(): Subject {
  const kernel = new KernelModel()
  const sizes = Object.fromEntries(
    allMaps.map((name) => [name, kernel.maps.get(name)?.maxEntries ?? 64] as const),
  )
  const object = BpfObject.loadBlocking(readPrograms(), { maps: allMaps, programs: [], sizes })
  const maps = new Map([...kernel.maps].map(([name, model]) => [name, twin(object.map(name), model)]))
  const both = { map: (name: string) => maps.get(name) ?? object.map(name) } as unknown as BpfObject
  return {
    ...modelSubject(kernel, both),
    fresh: () => modelSubject(),
    async close() {
      object.close()
    },
  }
}

test("the kernel's maps hold and refuse what the model of them does", async (t) => {
  const file = 'dataplanes/ebpf/test/kernel-model.test.ts'
  await checkConvergence(t, { file, sequences: 10, subject: twinSubject })
})
