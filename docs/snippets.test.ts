/** The TypeScript that writing-a-dataplane.md shows is what a compiler takes, in a package as it is created. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { execa } from 'execa'

const root = fileURLToPath(new URL('..', import.meta.url))
const templates = join(root, 'create', 'templates')

/** What a snippet leaves out, by a word that only it has. */
const around: readonly (readonly [word: string, before: string])[] = [
  [
    'new AcmeKernel',
    `import { type Capabilities, type CompiledProgram, type Compiler, defineDataplane, type Kernel } from '@portolan/core'
declare const capabilities: Capabilities
declare const AcmeCompiler: new (masqueradeBit: number) => Compiler<CompiledProgram, object>
declare const AcmeKernel: new (
  networkNamespace: string | undefined,
  transport: 'netlink' | 'tool',
) => Kernel<CompiledProgram, object>`,
  ],
  ['const capabilities: Capabilities', "import type { Capabilities } from '@portolan/core'"],
  [
    'converges(test',
    `import type { Interference } from '@portolan/conformance/convergence'
import type { DataplaneFactory, DataplaneOptions } from '@portolan/core'
import test from 'ava'
declare const KernelModel: new () => { interfere: Interference }
declare const defineAcme: (kernel: { interfere: Interference }) => DataplaneFactory
declare const options: DataplaneOptions`,
  ],
]

test('every piece of TypeScript is compiled in a package as it is created', async (t) => {
  t.timeout(300_000)
  const folder = await mkdtemp(join(tmpdir(), 'portolan-snippets-'))
  try {
    await cp(join(templates, 'nftables'), folder, { recursive: true })
    await cp(join(templates, 'shared', 'tsconfig.json'), join(folder, 'tsconfig.json'))
    await rm(join(folder, 'node_modules'), { recursive: true, force: true })
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    const page = await readFile(join(root, 'docs', 'writing-a-dataplane.md'), 'utf8')
    const snippets = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
    t.true(snippets.length >= 7)
    for (const [number, text] of snippets.entries()) {
      const before = around.find(([word]) => text.includes(word))?.[1] ?? ''
      // Beside the files that the snippets import.
      await writeFile(join(folder, 'test', `snippet-${number}.ts`), `${before}\n${text}export {}\n`)
    }
    const compiler = join(root, 'node_modules', '.bin', 'tsc')
    const { all, exitCode } = await execa(compiler, ['--project', folder], { all: true, reject: false })
    t.is(exitCode, 0, all)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
