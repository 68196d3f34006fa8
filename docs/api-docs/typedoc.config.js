import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What authors of dataplanes, and of tests for them, import. */
const packages = ['core', 'native', 'test/conformance', 'test/lab', 'bench', 'eval']

/** The modules that a package exports, by their names; programs and workers are none. */
const entryPoints = packages.flatMap((folder) => {
  const { exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  return Object.entries(exports)
    .filter(([face, file]) => file.endsWith('.ts') && !face.endsWith('-worker'))
    .map(([, file]) => join(root, folder, file))
})

export default {
  name: 'Portolan',
  entryPoints,
  tsconfig: join(root, 'docs/api-docs/tsconfig.json'),
  basePath: root,
  out: join(root, 'docs/api'),
  readme: 'none',
  excludePrivate: true,
  // A link that leads nowhere, and a docstring that can't be read, end it with a failure.
  validation: { invalidLink: true, notExported: false, notDocumented: false },
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
  // They would need a git remote, which not every checkout has.
  disableSources: true,
}
