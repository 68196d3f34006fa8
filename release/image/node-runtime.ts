import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { npm } from '../pack/npm.ts'
import type { Architecture } from './architecture.ts'
import { ImageError } from './image-error.ts'
import { runTool } from './tool.ts'

interface Packed {
  readonly filename: string
  readonly version: string
  readonly integrity: string
}

/** The npm package with Node.js, which the package `node` of the checkout is for one's own architecture. */
const packageName = ({ node }: Architecture): string => `node-linux-${node}`

/** The version of Node.js that the checkout runs on, for an architecture. */
export async function resolveNode(
  root: string,
  architecture: Architecture,
): Promise<{ readonly version: string; readonly integrity: string }> {
  const manifest = await readFile(join(root, 'package.json'), 'utf8')
  const version = (JSON.parse(manifest) as { devDependencies: { node: string } }).devDependencies.node
  const { integrity } = await withPacked(architecture, version, async (packed) => packed)
  return { version, integrity }
}

/** Puts `usr/bin/node` into a root file system. @throws ImageError IMAGE_PACKAGE when it has other bytes than pinned */
export async function putNode(
  architecture: Architecture,
  pinned: { readonly version: string; readonly integrity: string },
  into: string,
): Promise<void> {
  await withPacked(architecture, pinned.version, async ({ filename, integrity }, folder) => {
    if (integrity !== pinned.integrity)
      throw new ImageError(
        'IMAGE_PACKAGE',
        `${packageName(architecture)} ${pinned.version} has other bytes than are pinned`,
      )
    await runTool('tar', ['--extract', '--gzip', `--file=${filename}`], { cwd: folder })
    const node = join(into, 'usr', 'bin', 'node')
    await mkdir(dirname(node), { recursive: true })
    await copyFile(join(folder, 'package', 'bin', 'node'), node)
    await chmod(node, 0o755)
    const copyright = join(into, 'usr', 'share', 'doc', 'node')
    await mkdir(copyright, { recursive: true })
    for (const name of await readdir(join(folder, 'package')))
      if (name === 'LICENSE') await copyFile(join(folder, 'package', name), join(copyright, name))
  })
}

async function withPacked<Result>(
  architecture: Architecture,
  version: string,
  use: (packed: Packed, folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-node-'))
  try {
    const printed = await npm(
      ['pack', `${packageName(architecture)}@${version}`, '--json', '--prefer-offline'],
      folder,
    )
    const [packed] = JSON.parse(printed) as Packed[]
    if (packed === undefined) throw new ImageError('IMAGE_PACKAGE', `npm has no ${packageName(architecture)}`)
    return await use(packed, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
