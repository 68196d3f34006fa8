/** Holds the repository's imports to docs/architecture.md. Each rule is also shown to find an import that breaks it. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import {
  type ImportRule,
  noCircles,
  noOtherDataplane,
  noTestsInProduct,
  onlyDownwards,
  onlyFaces,
  onlyRooms,
} from './import-rules.ts'
import { importsOf, isTest, type Package } from './imports.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const listing = await promisify(execFile)('git', ['ls-files'], { cwd: root, maxBuffer: 1 << 24 })
const files = listing.stdout.trim().split('\n')
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')

const packages = await Promise.all(
  files
    .filter((path) =>
      /^(\w+|(dataplanes|test|examples|create\/templates)\/[\w-]+)\/package\.json$/.test(path),
    )
    .map(readPackage),
)

async function readPackage(path: string): Promise<Package> {
  const {
    name,
    exports = {},
    bin = {},
    dependencies = {},
    devDependencies = {},
  } = JSON.parse(await read(path))
  return {
    folder: dirname(path),
    name,
    faces: new Map(
      Object.entries<string>(exports).map(([face, file]) => [join(name, face), join(dirname(path), file)]),
    ),
    programs: Object.values<string>(bin).map((program) => join(dirname(path), program)),
    dependencies: Object.keys(dependencies),
    devDependencies: Object.keys(devDependencies),
  }
}

/** Without this file, in whose text imports are examples. */
const sources = new Map<string, string>()
for (const path of files.filter((name) => /\.[jt]s$/.test(name) && !name.endsWith('/imports.test.ts')))
  sources.set(path, await read(path))
const imports = importsOf(sources)

const page = await read('docs/architecture.md')
/** In the page's order. */
const listed = [...page.matchAll(/^\*\*`([^`]+\/)`\*\*/gm)].map(([, path = '']) => path)
const roomsIn = (folder: string) =>
  listed.filter(
    (path) => path !== folder && path.startsWith(folder) && !path.slice(folder.length, -1).includes('/'),
  )
const dataplanes = packages.map(({ folder }) => folder).filter((folder) => folder.startsWith('dataplanes/'))
const product = ['core/', 'native/', 'dataplanes/']

const core = roomsIn('core/')
const kubernetes = roomsIn('core/source/kubernetes/')
const dataplaneRooms = (folder: string) =>
  roomsIn('dataplanes/*/').map((room) => room.replace('dataplanes/*', folder))

interface Kept {
  readonly claim: string
  readonly rule: ImportRule
  /** Imports that there aren't, and what the rule would say of each. */
  readonly breaks: readonly (readonly [from: string, to: string, because: RegExp])[]
}

const rules: readonly Kept[] = [
  {
    claim: 'the rooms of the core import downwards only',
    rule: onlyDownwards(core),
    breaks: [
      ['core/cluster/parse-slice.ts', 'core/table/table-builder.ts', /table\/ comes after core\/cluster\//],
      ['core/engine/engine.ts', 'core/cli/run.ts', /cli\/ comes after core\/engine\//],
    ],
  },
  {
    claim: 'the rooms of the core import rooms, not the faces above them',
    rule: onlyRooms(core, 'core/', []),
    breaks: [['core/table/diff.ts', 'core/index.ts', /a room imports rooms/]],
  },
  {
    claim: 'the rooms of the table import downwards only',
    rule: onlyDownwards(['core/table/', ...roomsIn('core/table/')]),
    breaks: [
      ['core/table/diff.ts', 'core/table/builder/table-builder.ts', /builder\/ comes after core\/table\//],
      ['core/table/builder/table-builder.ts', 'core/table/explain/reason.ts', /explain\/ comes after/],
    ],
  },
  {
    claim: 'the rooms of the Kubernetes source import downwards only',
    rule: onlyDownwards(kubernetes),
    breaks: [
      [
        `${kubernetes.at(-2)}api-client.ts`,
        `${kubernetes.at(-1)}reflector.ts`,
        /watch\/ comes after .*requests\//,
      ],
    ],
  },
  ...dataplanes.flatMap((folder): Kept[] => [
    {
      claim: `the rooms of ${folder} import downwards only, and kernel/ and explain/ stand apart`,
      rule: onlyDownwards(dataplaneRooms(folder), [`${folder}/kernel/`, `${folder}/explain/`]),
      breaks: [
        [`${folder}/layout/layout.ts`, `${folder}/compile/compile.ts`, /compile\/ comes after/],
        [`${folder}/compile/compile.ts`, `${folder}/kernel/apply.ts`, /kernel\/ comes after/],
        [`${folder}/explain/trace.ts`, `${folder}/kernel/apply.ts`, /stand apart/],
      ],
    },
    {
      claim: `the rooms of ${folder} import rooms, not what ties them together`,
      rule: onlyRooms(dataplaneRooms(folder), `${folder}/`, [`${folder}/capabilities.ts`]),
      breaks: [[`${folder}/layout/layout.ts`, `${folder}/index.ts`, /a room imports rooms/]],
    },
  ]),
  {
    claim: 'no dataplane imports another',
    rule: noOtherDataplane,
    breaks: [
      ['dataplanes/ipvs/layout/layout.ts', '@portolan/dataplane-iptables', /no dataplane imports another/],
      ['dataplanes/ipvs/layout/layout.ts', 'dataplanes/iptables/index.ts', /no dataplane imports another/],
    ],
  },
  {
    claim:
      'packages import what others export, by name, and declare it; the product declares nothing for tests',
    rule: onlyFaces,
    breaks: [
      ['dataplanes/nftables/index.ts', '@portolan/core/table/diff.ts', /exports no such thing/],
      ['dataplanes/nftables/index.ts', 'core/table/diff.ts', /import its package instead/],
      ['dataplanes/nftables/index.ts', '@portolan/conformance', /package\.json doesn't declare it/],
      ['core/table/diff.ts', '@portolan/native', /package\.json doesn't declare it/],
    ],
  },
  {
    claim: 'no product file imports a test, or what is there for tests',
    rule: noTestsInProduct,
    breaks: [['core/table/diff.ts', 'core/table/test/example-records.ts', /it is for tests/]],
  },
  {
    claim: 'no product file imports itself by way of others',
    rule: noCircles(product),
    breaks: [
      [
        'core/network/address.ts',
        'core/network/local-addresses.ts',
        /address\.ts imports .*local-addresses\.ts imports .*address\.ts/,
      ],
    ],
  },
]

for (const { claim, rule, breaks } of rules) {
  test(claim, (t) => {
    t.deepEqual(rule(imports, packages), [])
    for (const [from, to, because] of breaks) {
      const found = rule([...imports, { from, to }], packages)
      t.is(found.length, 1, `${from} to ${to} is found, and nothing else`)
      t.regex(found.join('\n'), because)
    }
  })
}

test('every way of naming a module is seen', (t) => {
  const text = `
import type { A } from './a.ts'
import {
  type B,
  b,
} from '../room/b.ts'
import './c.ts'
export * from './d.ts'
const e = await import('./e.ts')
type F = import('./f.ts').F
const g = new Worker(new URL('g.ts', import.meta.url))
const h = new URL('https://example.com/h.ts')
import i from '@portolan/core/table'
`
  const found = importsOf(new Map([['core/table/x.ts', text]])).map(({ to }) => to)
  const here = ['a', 'c', 'd', 'e', 'f', 'g'].map((name) => `core/table/${name}.ts`)
  t.deepEqual(found.toSorted(), [...here, 'core/room/b.ts', '@portolan/core/table'].toSorted())
})

test('the imports that are seen lead to files, or to packages', (t) => {
  t.true(imports.length > 2000, `${imports.length} imports`)
  const lost = imports.filter(
    ({ to }) =>
      /^(core|native|dataplanes|create|eval|examples|test|bench|demo|docs)\//.test(to) && !files.includes(to),
  )
  t.deepEqual(lost, [])
})

test('the page lists whom each package declares', (t) => {
  const folders = packages.map(({ folder }) => folder)
  const matching = (pattern: string) =>
    folders.filter((folder) =>
      pattern.endsWith('/*') ? folder.startsWith(pattern.slice(0, -1)) : folder === pattern,
    )
  const inCode = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, name = '']) => matching(name))
  const rows = [...page.matchAll(/^\| (`[^|.]+`) \| ([^|]*)\| (?:on|to|in) /gm)]
  const told = rows.flatMap(([, own = '', cell = '']) => {
    const [wanted = '', except = ''] = cell.split(' but ')
    const imported = inCode(wanted).filter((folder) => !inCode(except).includes(folder))
    return inCode(own).map((folder) => [folder, imported.filter((one) => one !== folder).toSorted()] as const)
  })
  const declared = packages.map(({ folder, dependencies }) => {
    const theirs = packages.filter(({ name }) => dependencies.includes(name))
    return [folder, theirs.map((one) => one.folder).toSorted()] as const
  })
  t.deepEqual(Object.fromEntries(told), Object.fromEntries(declared))
})

test('the page lists the rooms that there are', (t) => {
  const parents = [
    'core/',
    'core/source/',
    'core/table/',
    'core/source/kubernetes/',
    'native/',
    'bench/',
    'eval/',
    'test/',
    'test/conformance/',
  ]
  const productFiles = [...sources.keys()].filter((path) => !isTest(path, packages))
  const roomsOf = (parent: string): string[] => {
    const below = productFiles
      .filter((path) => path.startsWith(parent))
      .map((path) => path.slice(parent.length))
    const names = below.filter((path) => path.includes('/')).map((path) => path.split('/')[0])
    return [...new Set(names.map((name) => `${parent}${name}/`))]
  }
  for (const parent of parents) t.deepEqual(roomsIn(parent).toSorted(), roomsOf(parent).toSorted(), parent)
  for (const folder of dataplanes)
    t.deepEqual(dataplaneRooms(folder).toSorted(), roomsOf(`${folder}/`).toSorted(), folder)
})

test('the files that the page names exist, and the walk goes through every room that it says', (t) => {
  const named = [...page.matchAll(/`([\w-]+\/[^`\s*]+\.[jt]s)`/g)].map(([, path = '']) => path)
  t.deepEqual(
    named.filter((path) => !files.includes(path)),
    [],
  )
  const steps = [...page.matchAll(/^\| ?(\w*) \| `([^`]+)` \|/gm)].map(([, room = '', path = '']) => ({
    room,
    path,
  }))
  t.true(steps.length > 20)
  for (const { room, path } of steps)
    if (room !== '') t.true(path.split('/').includes(room), `${room}: ${path}`)
})
