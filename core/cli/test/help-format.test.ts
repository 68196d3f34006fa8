import test from 'ava'
import { Command, Option } from 'commander'
import { fitHelp, fitText } from '../help-format.ts'
import { createProgram } from '../program.ts'

/** A program, and those below it, with its path. */
function* programs(command: Command, path: readonly string[] = []): Generator<readonly [string, Command]> {
  const own = [...path, command.name()]
  yield [own.join(' '), command]
  for (const one of command.commands) yield* programs(one, own)
}

function helpAt(command: Command, width: number): readonly string[] {
  const helper = Object.assign(command.createHelp(), { helpWidth: width })
  return helper.formatHelp(command, helper).split('\n')
}

for (const width of [60, 80, 100, 200])
  test(`no line of any help is wider than ${width} columns`, (t) => {
    for (const [path, command] of programs(createProgram()))
      for (const line of helpAt(command, width)) t.true(line.length <= width, `${path}: ${line}`)
  })

test('a term that is too long for its column has a line of its own', (t) => {
  const command = fitHelp(new Command('x'))
    .helpOption(false)
    .addOption(new Option('--short <a>', 'what it is for'))
    .addOption(new Option('--one-that-is-quite-a-long-name <duration>', 'words '.repeat(12).trim()))
  t.deepEqual(helpAt(command, 80).slice(2, -1), [
    'Options:',
    `  --short <a>${' '.repeat(27)}what it is for`,
    '  --one-that-is-quite-a-long-name <duration>',
    `${' '.repeat(40)}words words words words words words`,
    `${' '.repeat(40)}words words words words words words`,
  ])
})

test('paragraphs are fitted to the width, and lines to be copied are left as they are', (t) => {
  const example = `  $ portolan ${'x'.repeat(60)}`
  const text = `\nOne paragraph that is\nwritten in two lines.\n\nExamples:\n${example}\n\nLast one.`
  t.is(
    fitText(text, 30),
    `\nOne paragraph that is written\nin two lines.\n\nExamples:\n${example}\n\nLast one.`,
  )
})
