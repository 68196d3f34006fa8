import { isDeepStrictEqual } from 'node:util'
import { ApplyError, type IpFamily } from '@portolan/core'
import type { NftProgram } from '../compile/program.ts'
import type { Sent, Transport } from '../kernel/transport.ts'
import { ElementChanges } from '../layout/elements.ts'
import type { ObservedElements, Structure } from '../layout/observed-state.ts'
import { hairpinSet, type SetDeclaration } from '../layout/sets.ts'

/**
 * Does everything twice, on the real kernel and on the model of it, and throws when they differ: in what they hold, or in
 * whether they take a program.
 */
export class TwinTransport implements Transport {
  readonly name
  /** Adds something to the next programs that no kernel takes. */
  spoils = false
  readonly #real: Transport
  readonly #model: Transport

  constructor(real: Transport, model: Transport) {
    this.name = real.name
    this.#real = real
    this.#model = model
  }

  async apply(program: NftProgram): Promise<Sent> {
    const sent = this.spoils ? spoilt(program) : program
    const [real, model] = await Promise.allSettled([this.#real.apply(sent), this.#model.apply(sent)])
    if (real.status !== model.status) {
      const { reason } = real.status === 'rejected' ? real : (model as PromiseRejectedResult)
      throw new Error(`the real kernel's answer: ${real.status}, the model's: ${model.status}: ${reason}`)
    }
    if (real.status === 'fulfilled') return real.value
    if (real.reason instanceof ApplyError) throw real.reason
    throw new Error('the real kernel failed without an ApplyError', { cause: real.reason })
  }

  async readStructure(family: IpFamily): Promise<Structure> {
    const [real, model] = [await this.#real.readStructure(family), await this.#model.readStructure(family)]
    return same('structure', real, model)
  }

  async readElements(
    family: IpFamily,
    sets: readonly SetDeclaration[],
  ): Promise<Map<string, ObservedElements>> {
    const [real, model] = [
      await this.#real.readElements(family, sets),
      await this.#model.readElements(family, sets),
    ]
    for (const [name, elements] of real) same(`elements of ${name}`, elements, model.get(name))
    return real
  }

  readGeneration(): number | undefined {
    return this.#real.readGeneration()
  }

  close(): void {
    this.#real.close()
  }
}

/** The program, and an element that isn't there to be deleted. */
function spoilt(program: NftProgram): NftProgram {
  const elements = new ElementChanges()
  for (const { set, removals, additions } of program.elements) {
    for (const { key, value } of removals) elements.remove(set, key, value)
    for (const { key, value } of additions) elements.add(set, key, value)
  }
  const nowhere = program.family === 'IPv4' ? '192.0.2.99' : '2001:db8:dead::99'
  elements.remove(hairpinSet, [nowhere, nowhere])
  return { ...program, elements }
}

function same<Value>(what: string, real: Value, model: unknown): Value {
  if (isDeepStrictEqual(real, model)) return real
  throw new Error(`${what}: the real kernel holds ${text(real)}, the model ${text(model)}`)
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part) => (part instanceof Map || part instanceof Set ? [...part] : part))
}
