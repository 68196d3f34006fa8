import type { IpFamily } from '@portolan/core'
import { print } from '../compile/print.ts'
import type { NftProgram } from '../compile/program.ts'
import type { Sent, Transport } from '../kernel/transport.ts'
import type { ElementChanges } from '../layout/elements.ts'
import { dataText } from '../layout/elements.ts'
import { noTable, type ObservedElements, type Structure } from '../layout/observed-state.ts'
import type { SetDeclaration } from '../layout/sets.ts'
import type { Settings } from '../layout/settings.ts'
import type { KernelModel } from './kernel-model.ts'

/** Hands programs to a model of the kernel as the transports hand them to the real one. */
export class ModelTransport implements Transport {
  readonly name: Settings['transport']
  readonly #kernel: KernelModel

  constructor(kernel: KernelModel, name: Settings['transport']) {
    this.#kernel = kernel
    this.name = name
  }

  async apply(program: NftProgram): Promise<Sent> {
    const { family, declarations, elements, replace } = program
    if (this.name === 'nft' || replace) {
      this.#script(print(program), family)
      return { bytes: 0, transactions: 1 }
    }
    let transactions = 0
    if (declarations.length > 0) {
      this.#script(['add table ip portolan', ...declarations].join('\n'), family)
      transactions++
    }
    if (elements.count > 0) {
      this.#kernel.transaction(() => this.#batch(family, elements))
      transactions++
    }
    return { bytes: 0, transactions }
  }

  async readStructure(family: IpFamily): Promise<Structure> {
    const table = this.#kernel.tables.get(family)
    if (table === undefined) return noTable
    const { chains, sets } = table
    return {
      exists: true,
      flaw: undefined,
      chains: new Map([...chains].map(([name, rules]) => [name, rules.length])),
      sets: new Set(sets.keys()),
    }
  }

  async readElements(
    family: IpFamily,
    sets: readonly SetDeclaration[],
  ): Promise<Map<string, ObservedElements>> {
    const table = this.#kernel.tables.get(family)
    return new Map(sets.map(({ name }) => [name, new Map(table?.sets.get(name)?.elements)]))
  }

  readGeneration(): number | undefined {
    return this.name === 'nft' ? undefined : this.#kernel.generation
  }

  close(): void {}

  #script(text: string, family: IpFamily): void {
    this.#kernel.transaction(() => {
      // Elements are listed over several lines.
      for (const command of text.trim().split(/\n(?![\t}])/)) this.#kernel.run(command, family)
    })
  }

  #batch(family: IpFamily, elements: ElementChanges): void {
    for (const { set, removals } of elements)
      for (const { key } of removals) this.#kernel.deleteElement(family, set, dataText(key))
    for (const { set, additions } of elements)
      for (const { key, value } of additions)
        this.#kernel.addElement(family, set, dataText(key), dataText(value ?? []), true)
  }
}
