import { relative } from 'node:path'
import { Command } from 'commander'
import { type CreatedPackage, createDataplane } from './new-package.ts'

interface Flags {
  readonly empty?: true
  readonly folder?: string
  readonly archives?: string
}

/** @param name by which it was called: `portolan create dataplane` */
export function createCommand(name: string): Command {
  return new Command(name)
    .description(
      'Makes a package for a new dataplane in a folder of its own: TypeScript with its build, a dataplane that runs, the ' +
        'conformance kit, programs as golden files, and a CI workflow. Its tests pass from the first minute; change it ' +
        'from there. Installs nothing and needs no root.',
    )
    .argument('<name>', "a word, which is the dataplane's name, or a package's name that ends in one")
    .option(
      '--empty',
      'a skeleton that compiles and prints but applies nothing, rather than a dataplane on nft',
    )
    .option('--folder <path>', 'where to (default: a folder of that name here)')
    .option(
      '--archives <folder>',
      "take Portolan's packages from their archives in this folder, as npm run pack in a checkout makes them, rather " +
        'than from the registry',
    )
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, `${name.split(' ')[0]}: `)),
    })
    .showHelpAfterError(`  fix: see ${name} --help`)
    .addHelpText('after', help(name))
    .action(async (asked: string, flags: Flags) => {
      console.log(report(await createDataplane({ name: asked, ...flags }), flags.empty === true))
    })
}

function report({ names, folder, files }: CreatedPackage, isEmpty: boolean): string {
  const way = relative(process.cwd(), folder) || '.'
  const where = way.startsWith('..') ? folder : way
  const what = isEmpty ? 'the skeleton of a dataplane' : 'a dataplane on nft, IPv4'
  const next: readonly (readonly [string, string])[] = [
    [where === '.' ? 'npm install' : `cd ${where} && npm install`, ''],
    [
      'npm test',
      isEmpty ? 'types, build, programs' : 'types, build, programs, and real packets as root: a minute',
    ],
    [
      `npx portolan eval ./src/index.ts${isEmpty ? ' --only shape' : ''}`,
      'its scorecard; README.md says where to begin',
    ],
  ]
  const width = Math.max(...next.map(([command]) => command.length))
  return [
    `${names.package}: ${what}, ${files.length} files in ${where}`,
    '',
    'Next:',
    ...next.map(([command, why]) => `  ${command.padEnd(width)}${why && `  # ${why}`}`.trimEnd()),
  ].join('\n')
}

function help(name: string): string {
  return `
Examples:
  $ ${name} acme
  $ ${name} @example/portolan-dataplane-acme
  $ ${name} acme --empty
  $ ${name} acme --archives ~/portolan/dist

The first makes the package portolan-dataplane-acme in ./acme, the second a
package of your own scope in ./portolan-dataplane-acme.

Exit codes: 0 done, 1 failed, 2 the command line is wrong, or the folder is
taken; then nothing was written.`
}
