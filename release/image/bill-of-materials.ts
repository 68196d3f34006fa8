import { writeFile } from 'node:fs/promises'
import type { Architecture } from './architecture.ts'
import type { Descriptor, ImageDescription } from './oci-layout.ts'
import type { DebianPackage } from './pinned.ts'
import type { InstalledPackage } from './program.ts'

export interface Contents {
  readonly debian: readonly DebianPackage[]
  readonly npm: readonly InstalledPackage[]
  readonly node: { readonly version: string }
}

/** Writes what an image has in it, as SPDX 2.3: every Debian package, every npm package, and Node.js. */
export async function writeBillOfMaterials(
  path: string,
  { name: architecture }: Architecture,
  manifest: Descriptor,
  { version, created }: ImageDescription,
  { debian, npm, node }: Contents,
): Promise<void> {
  const image = entry('SPDXRef-image', 'portolan', version, 'Apache-2.0', {
    purl: `pkg:oci/portolan@${encodeURIComponent(manifest.digest)}?arch=${architecture}`,
  })
  const parts = [
    entry('SPDXRef-node', 'node', node.version, 'MIT', { purl: `pkg:generic/node@${node.version}` }),
    ...debian.map((one) => ({
      ...entry(reference('debian', one), one.name, one.version, undefined, {
        purl: `pkg:deb/debian/${one.name}@${encodeURIComponent(one.version)}?arch=${architecture}`,
      }),
      checksums: [{ algorithm: 'SHA256', checksumValue: one.sha256 }],
    })),
    ...npm.map((one) =>
      entry(reference('npm', one), one.name, one.version, one.license, {
        purl: `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`,
      }),
    ),
  ]
  const bill = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `portolan-${version}-${architecture}`,
    documentNamespace: `urn:portolan:image:${manifest.digest}`,
    creationInfo: { created, creators: ['Tool: portolan-image'] },
    packages: [image, ...parts],
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', image.SPDXID),
      ...parts.map(({ SPDXID }) => relationship(image.SPDXID, 'CONTAINS', SPDXID)),
    ],
  }
  await writeFile(path, `${JSON.stringify(bill, null, 2)}\n`)
}

function entry(
  SPDXID: string,
  name: string,
  versionInfo: string,
  license: string | undefined,
  { purl }: { readonly purl: string },
) {
  return {
    SPDXID,
    name,
    versionInfo,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseDeclared: license ?? 'NOASSERTION',
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  }
}

function reference(
  from: string,
  { name, version }: { readonly name: string; readonly version: string },
): string {
  return `SPDXRef-${from}-${name}-${version}`.replaceAll(/[^\w.-]/g, '-').replaceAll('_', '-')
}

function relationship(spdxElementId: string, relationshipType: string, relatedSpdxElement: string) {
  return { spdxElementId, relationshipType, relatedSpdxElement }
}
