import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLab } from '@portolan/lab'
import test from 'ava'

const examples = [
  ...readFileSync(new URL('../README.md', import.meta.url), 'utf8').matchAll(
    /^## (.*)\n\n```ts\n([^`]*)```/gm,
  ),
]
const expected: readonly RegExp[] = [
  /'EXAMPLE-INPUT' => \[\][\s\S]*'INPUT -j EXAMPLE-INPUT'/,
  /^another tool has committed.*$/,
  /^lo$/m,
]

test('the examples of the README run, and print what they say', async (t) => {
  await using lab = await createLab({ pods: 1 })
  t.is(examples.length, expected.length)
  // Beside the package, where its name is found.
  const folder = await mkdtemp(join(import.meta.dirname, 'readme-'))
  try {
    for (const [index, [, title = '', text = '']] of examples.entries()) {
      const file = join(folder, `example-${index}.ts`)
      await writeFile(file, text)
      const { stdout } = await lab.node.exec(process.execPath, [file])
      t.regex(stdout, expected[index] ?? /^$/, title)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
