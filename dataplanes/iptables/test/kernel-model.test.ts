import { isDeepStrictEqual } from 'node:util'
import { BrokenCall, checkConvergence, type Subject } from '@portolan/conformance/convergence'
import { NetfilterModel } from '@portolan/conformance/netfilter-model'
import { createLab, type Lab } from '@portolan/lab'
import { type IptablesVariant, iptablesVariants, readSavedRules } from '@portolan/native/netfilter'
import { SystemCommand } from '@portolan/native/system-command'
import test from 'ava'
import { defineIptables } from '../iptables-dataplane.ts'
import { openFingerprint } from '../kernel/open-fingerprint.ts'
import { isOurChain } from '../layout/chain-names.ts'
import { modelSubject } from './convergence-subject.ts'

/** Runs each command with the real tools and with the model of them, and throws when their answers differ. */
class TwinCommand extends SystemCommand {
  readonly model = new NetfilterModel()

  override async run(program: string, args: readonly string[], input = ''): Promise<string> {
    let modelled: string | Error
    try {
      modelled = await this.model.run(program, args, input)
    } catch (error) {
      if (/by the test|refused the call|lost its answer/.test(String(error))) {
        await this.#asFarAsTheModel(program, args, input, error)
        throw error
      }
      modelled = error as Error
    }
    const real = await super.run(program, args, input).catch((error: Error) => error)
    if (real instanceof Error !== modelled instanceof Error)
      throw new Error(`${program} ${args.join(' ')}: ${real}, and in the model: ${modelled}\n${input}`)
    if (real instanceof Error) throw real
    const [there, thought] = [told(program, args, real), told(program, args, String(modelled))]
    if (isDeepStrictEqual(there, thought)) return real
    throw new Error(`${program} ${args.join(' ')} tells ${text(there)}, and the model ${text(thought)}`)
  }

  /** A call that the test breaks: ipset has done the lines before it, and where only the answer is lost it has done all. */
  async #asFarAsTheModel(program: string, args: readonly string[], input: string, error: unknown) {
    const isLost = error instanceof BrokenCall ? error.how === 'lost' : /lost its answer/.test(String(error))
    const line = Number(/line (\d+)/.exec(String(error))?.[1] ?? 1)
    const done = program === 'ipset' ? input.split('\n').slice(0, isLost ? line : line - 1) : []
    if (program === 'ipset') await super.run(program, args, `${done.join('\n')}\n`)
    else if (isLost) await super.run(program, args, input)
  }
}

/** What a tool's answer tells, whatever it prints beside it. */
function told(program: string, args: readonly string[], answer: string): unknown {
  if (program.endsWith('-save')) {
    const tables = [...readSavedRules(answer, isOurChain).values()]
    return tables.filter(({ chains, jumps }) => chains.size + jumps.length > 0)
  }
  if (program !== 'ipset') return undefined
  const lines = answer.split('\n').map((line) => line.replace(/^(ipset> )+/, ''))
  if (args[0] === 'list') return lines.filter((line) => line !== '').sort()
  return lines.flatMap((line) => /^add \S+ \S+/.exec(line)?.[0] ?? []).sort()
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part) => (part instanceof Map ? [...part] : part))
}

function twinSubject(lab: Lab, variant: IptablesVariant): Subject {
  const { networkNamespace } = lab.node
  const command = new TwinCommand(networkNamespace)
  const options = { masqueradeBit: 14, networkNamespace, settings: { variant } }
  const model = modelSubject(variant)
  return {
    ...model,
    open: () => defineIptables({ command, openFingerprint }).create(options),
    break(fault) {
      command.model.break(fault)
    },
    async close() {
      await defineIptables().create(options).cleanup()
    },
  }
}

const file = 'dataplanes/iptables/test/kernel-model.test.ts'

for (const variant of iptablesVariants)
  test(`the real iptables-${variant} and ipset hold and refuse what the model of them does`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    await checkConvergence(t, { file, sequences: 3, subject: () => twinSubject(lab, variant) })
  })
