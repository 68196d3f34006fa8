import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import test from 'ava'
import { execa } from 'execa'

const folder = fileURLToPath(new URL('./api-docs', import.meta.url))
const manifest = createRequire(join(folder, 'package.json')).resolve('typedoc/package.json')
const typedoc = join(dirname(manifest), 'bin', 'typedoc')

const make = (config: string) =>
  execa(process.execPath, [typedoc, '--options', config, '--emit', 'none'], { reject: false, all: true })

const ours = join(folder, 'typedoc.config.js')

test('the API documentation is made of the docstrings, and none links to what is not there', async (t) => {
  t.timeout(600_000)
  const { all, exitCode } = await make(ours)
  t.is(exitCode, 0, all)
})

test('a docstring that links to nothing is found', async (t) => {
  t.timeout(300_000)
  const own = await mkdtemp(join(tmpdir(), 'portolan-api-docs-'))
  try {
    const file = join(own, 'index.ts')
    await writeFile(file, '/** As {@link nowhere} says. */\nexport const chart = 1\n')
    await writeFile(join(own, 'tsconfig.json'), '{ "files": ["index.ts"] }')
    const config = { entryPoints: [file], tsconfig: join(own, 'tsconfig.json') }
    const text = `import ours from '${pathToFileURL(ours).href}'\nexport default { ...ours, ...${JSON.stringify(config)} }\n`
    await writeFile(join(own, 'typedoc.config.mjs'), text)
    const { all, exitCode } = await make(join(own, 'typedoc.config.mjs'))
    t.not(exitCode, 0)
    t.regex(all, /Failed to resolve link to "nowhere"/)
  } finally {
    await rm(own, { recursive: true })
  }
})
