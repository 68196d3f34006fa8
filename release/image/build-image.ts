import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Archive, pack } from '../pack/pack.ts'
import type { Architecture } from './architecture.ts'
import { layBase } from './base.ts'
import { writeBillOfMaterials } from './bill-of-materials.ts'
import { providePackages } from './debian.ts'
import { writeLayer } from './layer.ts'
import { putNode } from './node-runtime.ts'
import {
  checkReplaceable,
  type DescribedLayer,
  type Descriptor,
  emptyLayout,
  writeLayout,
  writeManifest,
} from './oci-layout.ts'
import { type Pinned, readPinned } from './pinned.ts'
import { type InstalledPackage, layProgram } from './program.ts'
import { readRevision } from './revision.ts'

/** The two layers of an image as folders: what changes with Debian and Node.js, and what changes with Portolan. */
export interface RootFileSystem {
  readonly base: string
  readonly program: string
  readonly npm: readonly InstalledPackage[]
}

/** Lays out a root file system in a folder. @throws ImageError @throws PackError */
export async function layRootFileSystem(
  root: string,
  archives: readonly Archive[],
  architecture: Architecture,
  pinned: Pinned,
  into: string,
): Promise<RootFileSystem> {
  const base = join(into, `base-${architecture.name}`)
  const program = join(into, `program-${architecture.name}`)
  const packages = pinned.debian[architecture.name]
  const layingBase = async () => {
    await layBase(packages, await providePackages(architecture, packages), base)
    await putNode(architecture, pinned.node[architecture.name], base)
  }
  const [npm] = await Promise.all([layProgram(root, archives, architecture, into, program), layingBase()])
  return { base, program, npm }
}

export interface BuiltImage {
  /** What of the checkout is in it, as its labels say. */
  readonly revision: string
  /** Of the index, which names the image whatever the architecture. */
  readonly digest: string
  readonly images: readonly {
    readonly architecture: Architecture
    readonly digest: string
    readonly layers: readonly DescribedLayer[]
  }[]
}

/**
 * Builds the image as an OCI layout in a folder, with a bill of materials for each architecture beside it. The same commit
 * gives the same digest, whoever builds it and when: what others make is pinned by its bytes.
 *
 * @param folder replaced if it is there and has an image
 * @throws ImageError
 * @throws PackError
 */
export async function buildImage(
  root: string,
  folder: string,
  wanted: readonly Architecture[],
): Promise<BuiltImage> {
  await checkReplaceable(folder)
  const work = await mkdtemp(join(tmpdir(), 'portolan-image-'))
  try {
    const archives = await pack(root, join(work, 'archives'))
    const version = archives.find(({ name }) => name === 'portolan')?.version ?? '0.0.0'
    const description = { version, ...(await readRevision(root)) }
    const pinned = await readPinned()
    const blobs = await emptyLayout(folder)
    const images = []
    for (const architecture of wanted) {
      const { base, program, npm } = await layRootFileSystem(root, archives, architecture, pinned, work)
      const layers = [
        { ...(await writeLayer(base, blobs)), holds: `Debian's packages, and Node.js` },
        {
          ...(await writeLayer(program, blobs)),
          holds: `Portolan ${version}, and the npm packages it needs`,
        },
      ]
      const manifest: Descriptor = await writeManifest(blobs, architecture, layers, description)
      const contents = {
        debian: pinned.debian[architecture.name],
        npm,
        node: pinned.node[architecture.name],
      }
      const bill = `${folder}-${architecture.name}.spdx.json`
      await writeBillOfMaterials(bill, architecture, manifest, description, contents)
      images.push({ architecture, manifest, layers })
    }
    const index = await writeLayout(folder, images, description)
    return {
      revision: description.revision,
      digest: index.digest,
      images: images.map(({ architecture, manifest, layers }) => ({
        architecture,
        digest: manifest.digest,
        layers,
      })),
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
