import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Architecture } from './architecture.ts'
import { ImageError } from './image-error.ts'
import type { Layer } from './layer.ts'
import type { Revision } from './revision.ts'

// The OCI Image Format: https://specs.opencontainers.org/image-spec/

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** What is the same for every architecture. */
export interface ImageDescription extends Revision {
  readonly version: string
}

/** A layer with a sentence on what is in it. */
export interface DescribedLayer extends Layer {
  readonly holds: string
}

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const

/**
 * Makes room for a layout, in place of one that is there.
 *
 * @returns the folder of its blobs
 * @throws {ImageError} IMAGE_FOLDER where removing the folder would take something else away
 */
export async function emptyLayout(folder: string): Promise<string> {
  await checkReplaceable(folder)
  await rm(folder, { recursive: true, force: true })
  const blobs = join(folder, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  return blobs
}

/** Before an image is built in vain. @throws {ImageError} IMAGE_FOLDER */
export async function checkReplaceable(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new ImageError('IMAGE_FOLDER', `${folder} is no folder that can be read: ${error.code}`, {
      cause: error,
    })
  })
  const others = names.filter((name) => !parts.has(name))
  if (others.length > 0) throw new ImageError('IMAGE_FOLDER', `${folder} is no image: ${others[0]} is in it`)
}

/** Of a layout, also of one whose build was broken off. */
const parts: ReadonlySet<string> = new Set(['blobs', 'index.json', 'oci-layout'])

/** Writes the image of one architecture among the blobs. */
export async function writeManifest(
  blobs: string,
  { name }: Architecture,
  layers: readonly DescribedLayer[],
  { version, revision, created }: ImageDescription,
): Promise<Descriptor> {
  const labels = {
    'org.opencontainers.image.title': 'portolan',
    'org.opencontainers.image.description': 'A kube-proxy whose data planes are plugins',
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.revision': revision,
  }
  const config = await writeBlob(blobs, types.config, {
    created,
    architecture: name,
    os: 'linux',
    config: {
      User: '0',
      Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: ['portolan'],
      Cmd: ['--help'],
      WorkingDir: '/',
      Labels: labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ holds }) => ({ created, created_by: holds })),
  })
  return await writeBlob(blobs, types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config,
    layers: layers.map(({ digest, size }) => ({ mediaType: types.layer, digest, size })),
    annotations: { ...labels, 'org.opencontainers.image.created': created },
  })
}

/**
 * Writes what makes a folder of blobs an image layout: one index, from which each node takes what it can run.
 *
 * @returns the index's descriptor, whose digest names the image
 */
export async function writeLayout(
  folder: string,
  images: readonly { readonly architecture: Architecture; readonly manifest: Descriptor }[],
  { version }: ImageDescription,
): Promise<Descriptor> {
  const index = await writeBlob(join(folder, 'blobs', 'sha256'), types.index, {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: images.map(({ architecture, manifest }) => ({
      ...manifest,
      platform: { architecture: architecture.name, os: 'linux' },
    })),
  })
  const named = {
    'org.opencontainers.image.ref.name': version,
  }
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      mediaType: types.index,
      manifests: [{ ...index, annotations: named }],
    }),
  )
  return index
}

async function writeBlob(blobs: string, mediaType: string, value: object): Promise<Descriptor> {
  const text = JSON.stringify(value)
  const hex = createHash('sha256').update(text).digest('hex')
  await writeFile(join(blobs, hex), text)
  return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) }
}
