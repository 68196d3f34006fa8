import type { CompiledProgram, DataplaneFactory } from '@portolan/core'
import type { Subject } from './play.ts'
import type { Fault } from './sequence.ts'

/**
 * The dataplane as it is, on a node of its own that is empty before each sequence.
 *
 * @param signal from then on all is refused but what ends a process, and what cleans up after it
 */
export function realSubject(
  factory: DataplaneFactory,
  settings: Readonly<Record<string, string>>,
  networkNamespace: string,
  signal?: AbortSignal,
): Subject {
  let fault: Fault | undefined
  const make = () => factory.create({ masqueradeBit: 14, networkNamespace, settings })
  return {
    open() {
      const dataplane = make()
      return new Proxy(dataplane, {
        get(target, name) {
          const part: unknown = Reflect.get(target, name)
          if (typeof part !== 'function') return part
          if (signal?.aborted && name !== 'stop' && name !== 'cleanup')
            return () => {
              throw new Error('the node is being taken down')
            }
          if (name !== 'apply') return part.bind(target)
          return async (program: CompiledProgram) => {
            // What fails inside of an apply only its author can arrange; the kit lets it fail as a whole.
            if (fault?.how === 'refused') throw new Error('the kit did not let the program be applied')
            const report = await target.apply(program)
            if (fault?.how === 'lost') throw new Error('the kit lost the answer')
            return report
          }
        },
      })
    },
    break(next) {
      fault = next
    },
    async close() {
      await make().cleanup()
    },
  }
}
