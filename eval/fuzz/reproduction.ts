import { dirname, isAbsolute, relative } from 'node:path'
import type { Found } from '@portolan/conformance/fuzz'
import type { TestedModule } from './messages.ts'

export interface Reproduction {
  readonly subject: TestedModule
  readonly found: Found
  /** How a person would type what finds it again. */
  readonly again: string
  /** Path of the file that the test is to be in, by which it finds the dataplane. */
  readonly file: string
}

/** A test file for ava that fails as long as the fault is there. */
export function testText({ subject, found, again, file }: Reproduction): string {
  const { module, gives, settings } = subject
  const name = gives === 'factory' ? 'factory' : 'underTest'
  const dataplane = [
    gives === 'factory' ? 'factory' : 'factory: underTest.factory',
    ...(Object.keys(settings).length === 0 ? [] : [`settings: ${literal(settings)}`]),
  ]
  const imports = [
    "import { replay } from '@portolan/conformance/fuzz'",
    "import test from 'ava'",
    `import ${name} from ${literal(importable(module, file))}`,
  ]
  return [
    ...imports,
    '',
    `// Found by: ${again}`,
    ...found.wrong.split('\n').map((line) => `// ${printable(line)}`.trimEnd()),
    `test(${literal(titleOf(found))}, async (t) => {`,
    '  t.timeout(120_000)',
    `  const wrong = await replay({ ${dataplane.join(', ')} }, ${trialText(found.trial)})`,
    '  t.is(wrong, undefined)',
    '})',
    '',
  ].join('\n')
}

function titleOf({ path, trial }: Found): string {
  const [place = path] = path.split(':')
  switch (trial.phase) {
    case 'convergence':
      return `the kernel holds what a reconciliation would write (${place})`
    case 'packets': {
      const [question] = trial.questions
      if (question === undefined) return `the kernel holds what a reconciliation would write (${place})`
      const { from, address, port, protocol, due } = question
      return `${from} to ${address} ${port}/${protocol} is ${shortened(due)} (${place})`
    }
    case 'conversations':
      return `${trial.family}: conversations go as evaluate says with Services, and past them as without a proxy (${place})`
  }
}

/** Without the third endpoint and those after it. */
function shortened(due: string): string {
  const [first = '', second, ...others] = due.split(' or ')
  if (second === undefined) return due
  return others.length === 0 ? due : `${first}, ${second} or ${others.length} more`
}

/** Steps and such a line each, so that one can be taken out by hand. */
function trialText(trial: Found['trial']): string {
  const list = (values: readonly unknown[], indent: string) =>
    values.length === 0
      ? '[]'
      : `[\n${values.map((value) => `${indent}  ${literal(value)},\n`).join('')}${indent}]`
  if (trial.phase === 'conversations') {
    const { script, family, phase } = trial
    return [
      '{',
      `    phase: ${literal(phase)},`,
      `    family: ${literal(family)},`,
      '    script: {',
      `      conversations: ${list(script.conversations, '      ')},`,
      `      steps: ${list(script.steps, '      ')},`,
      '    },',
      '  }',
    ].join('\n')
  }
  const { sequence, phase } = trial
  return [
    '{',
    `    phase: ${literal(phase)},`,
    '    sequence: {',
    `      node: ${literal(sequence.node)},`,
    `      steps: ${list(sequence.steps, '      ')},`,
    '    },',
    ...(trial.phase === 'packets' ? [`    questions: ${list(trial.questions, '    ')},`] : []),
    '  }',
  ].join('\n')
}

/** A value as it is written in TypeScript. */
export function literal(value: unknown): string {
  if (value === Number.POSITIVE_INFINITY) return 'Number.POSITIVE_INFINITY'
  if (typeof value === 'string') {
    const text = JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"')
    return text.includes("'") ? JSON.stringify(value) : `'${text}'`
  }
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const fields = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([key, one]) => `${keyText(key)}: ${literal(one)}`)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

function keyText(key: string): string {
  // Written plainly it names the prototype.
  if (key === '__proto__') return `['${key}']`
  return /^[A-Za-z_]\w*$/.test(key) ? key : literal(key)
}

function importable(module: string, file: string): string {
  if (!isAbsolute(module)) return module
  const path = relative(dirname(file), module)
  return path.startsWith('.') ? path : `./${path}`
}

/** What a dataplane says can't end a comment. */
function printable(line: string): string {
  return line.replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ')
}
