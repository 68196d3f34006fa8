import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { findPackage, packageVersion } from '../find-package.ts'
import { dataplaneModule, loadDataplane } from '../load-dataplane.ts'

const options = { masqueradeBit: 14, settings: {} }

/** A dataplane's module as source text; `without` leaves methods out. */
function moduleOf(without: readonly string[] = [], more = '', create = ''): string {
  const half = (...methods: readonly string[]) =>
    `{ ${methods
      .filter((method) => !without.includes(method))
      .map((method) => `${method}() {}`)
      .join(', ')} }`
  return `
    import { defineDataplane } from ${JSON.stringify(import.meta.resolve('../define-dataplane.ts'))}
    const compiler = ${half('compile', 'reconcile', 'print', 'trace')}
    const kernel = ${half('probe', 'observe', 'apply', 'cleanup')}
    const factory = defineDataplane({
      name: 'acme',
      capabilities: { families: ['IPv4'], protocols: [], gaps: {} },
      settings: { speed: { type: 'choice', choices: ['low', 'high'], default: 'low', description: 'how fast' } },
      create: ${create === '' ? '() => ({ compiler, kernel })' : create},
    })
    export default { ...factory, ${more} }`
}

async function directoryWith(
  t: import('ava').ExecutionContext,
  files: Record<string, string>,
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pl-load-'))
  t.teardown(() => rm(directory, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(directory, path, '..'), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  return directory
}

test('a short name stands for our own package, any other name for itself', (t) => {
  t.is(dataplaneModule('nftables'), '@portolan/dataplane-nftables')
  t.is(dataplaneModule('@acme/portolan-dataplane-vpp'), '@acme/portolan-dataplane-vpp')
  t.is(dataplaneModule('constructor'), 'constructor')
})

test('loads a module by its path and hands the options to its factory', async (t) => {
  const directory = await directoryWith(t, {
    'plane.mjs': moduleOf(
      [],
      '',
      '({ masqueradeBit }) => ({ compiler: { ...compiler, print: () => "bit " + masqueradeBit }, kernel })',
    ),
  })
  const dataplane = await loadDataplane('./plane.mjs', { masqueradeBit: 7, settings: {} }, directory)
  t.is(dataplane.print({} as never), 'bit 7')
})

test('loads a package that is installed where the operator stands', async (t) => {
  const directory = await directoryWith(t, {
    'node_modules/@acme/plane/package.json': '{ "type": "module", "exports": "./index.js" }',
    'node_modules/@acme/plane/index.js': moduleOf(),
  })
  const dataplane = await loadDataplane('@acme/plane', options, directory)
  t.is(dataplane.name, 'acme')
})

const failures: readonly [string, string, string, RegExp, RegExp][] = [
  [
    'no default export',
    'export const x = 1',
    'DATAPLANE_WITHOUT_FACTORY',
    /no default export/,
    /DataplaneFactory/,
  ],
  [
    'a default that is no dataplane',
    'export default {}',
    'DATAPLANE_WITHOUT_FACTORY',
    /of type object/,
    /default/,
  ],
  ['a syntax error', 'export default (', 'DATAPLANE_BROKEN', /can't be loaded/, /author/],
  ['a missing dependency', "import 'not-there'", 'DATAPLANE_BROKEN', /not-there/, /npm install/],
  [
    'a factory that throws',
    moduleOf([], '', "() => { throw new Error('bad transport') }"),
    'DATAPLANE_BROKEN',
    /bad transport/,
    /--dataplane-option/,
  ],
  [
    'a factory that returns nothing',
    moduleOf([], '', '() => {}'),
    'DATAPLANE_INCOMPLETE',
    /lacks compiler, kernel of the contract/,
    /author/,
  ],
  [
    'a factory that returns a promise',
    moduleOf([], '', 'async () => ({ compiler, kernel })'),
    'DATAPLANE_INCOMPLETE',
    /returned a promise/,
    /open\(\)/,
  ],
  [
    'a factory whose promise fails',
    moduleOf([], '', "async () => { throw new Error('no kernel module') }"),
    'DATAPLANE_INCOMPLETE',
    /returned a promise/,
    /open\(\)/,
  ],
  [
    'an older contract',
    moduleOf([], 'contractVersion: 1'),
    'DATAPLANE_CONTRACT_VERSION',
    /contract version 1; this Portolan has 2/,
    /for this Portolan/,
  ],
  [
    'a newer contract',
    moduleOf([], 'contractVersion: 3'),
    'DATAPLANE_CONTRACT_VERSION',
    /contract version 3/,
    /newer Portolan/,
  ],
  [
    'missing methods',
    moduleOf(['apply', 'trace']),
    'DATAPLANE_INCOMPLETE',
    /lacks compiler\.trace, kernel\.apply/,
    /author/,
  ],
]

for (const [claim, source, code, message, fix] of failures) {
  test(`a module with ${claim} is refused as ${code}`, async (t) => {
    const directory = await directoryWith(t, { 'plane.mjs': source })
    const error = await t.throwsAsync(loadDataplane('./plane.mjs', options, directory), { code, message })
    t.regex((error as Error & { fix: string }).fix, fix)
  })
}

test('what a factory of an own make returns is looked at, too', async (t) => {
  const methods = [
    'compile',
    'reconcile',
    'print',
    'trace',
    'probe',
    'start',
    'observe',
    'apply',
    'stop',
    'cleanup',
  ]
  const whole = `{ name: 'acme', capabilities: {}, ${methods.map((method) => `${method}() {}`).join(', ')} }`
  const directory = await directoryWith(t, {
    'part.mjs': moduleOf([], `create: () => (${whole})`),
    'promise.mjs': moduleOf([], `create: async () => (${whole})`),
  })
  const code = 'DATAPLANE_INCOMPLETE'
  const message = "dataplane './part.mjs' lacks isUnchanged of the contract"
  await t.throwsAsync(loadDataplane('./part.mjs', options, directory), { code, message })
  await t.throwsAsync(loadDataplane('./promise.mjs', options, directory), {
    code,
    message: /lacks compile, /,
  })
})

test('an option that the dataplane does not know is refused, with those that it knows', async (t) => {
  const directory = await directoryWith(t, { 'plane.mjs': moduleOf() })
  const error = await t.throwsAsync(
    loadDataplane('./plane.mjs', { masqueradeBit: 14, settings: { sped: 'low' } }, directory),
    {
      code: 'DATAPLANE_SETTING_INVALID',
      message: "dataplane './plane.mjs': unknown option sped; known: speed",
    },
  )
  t.regex((error as Error & { fix: string }).fix, /portolan help-dataplane \.\/plane\.mjs/)
})

test('a package that is not installed comes with the line that installs it', async (t) => {
  const error = await t.throwsAsync(loadDataplane('@acme/nowhere', options), {
    code: 'DATAPLANE_NOT_INSTALLED',
  })
  t.regex(
    (error as Error & { fix: string }).fix,
    /one of Portolan's own \(nftables, .*npm install @acme\/nowhere$/,
  )
})

test('a path without a module is told as that', async (t) => {
  await t.throwsAsync(loadDataplane('./nowhere.ts', options), {
    code: 'DATAPLANE_NOT_INSTALLED',
    message: "no dataplane module at './nowhere.ts'",
  })
})

test('a module that waits for ever at its top level is given up', async (t) => {
  const directory = await directoryWith(t, { 'plane.mjs': 'await new Promise(() => {}); export default 1' })
  const due: (() => void)[] = []
  const clock = {
    now: () => 0,
    after(_delay: number, task: () => void) {
      due.push(task)
      return () => {}
    },
  }
  const loading = loadDataplane('./plane.mjs', options, directory, { clock })
  const failed = t.throwsAsync(loading, {
    code: 'DATAPLANE_BROKEN',
    message: "dataplane './plane.mjs' has not loaded for 30 s",
  })
  for (const task of due) task()
  await failed
})

const advice: readonly [string, string, RegExp][] = [
  ['a folder', './acme', /give the path of the module itself/],
  ['a path that looks like a package', 'acme/index.ts', /a path begins with .*: write \.\/acme\/index\.ts/],
]

for (const [what, name, fix] of advice) {
  test(`${what} is refused with the path to write`, async (t) => {
    const directory = await directoryWith(t, { 'acme/index.ts': moduleOf() })
    const error = await t.throwsAsync(loadDataplane(name, options, directory), {
      code: 'DATAPLANE_NOT_INSTALLED',
    })
    t.regex((error as unknown as { fix: string }).fix, fix)
  })
}

test('a package is found beside the program that was started', async (t) => {
  const directory = await directoryWith(t, {
    'program.js': '',
    'node_modules/acme-plane/package.json': '{ "version": "1.2.3", "exports": "./plane.mjs" }',
    'node_modules/acme-plane/plane.mjs': moduleOf(),
  })
  const [, program = ''] = process.argv
  process.argv[1] = join(directory, 'program.js')
  const [module = ''] = findPackage('acme-plane')
  process.argv[1] = program
  t.true(module.endsWith('/node_modules/acme-plane/plane.mjs'), module)
  t.is(packageVersion(module), '1.2.3')
})
