/** What an image is built for, in the words of those who name it. */
export interface Architecture {
  /** Of Debian, and of OCI. */
  readonly name: 'amd64' | 'arm64'
  /** Of Node.js and npm. */
  readonly node: 'x64' | 'arm64'
}

export const architectures: readonly Architecture[] = [
  { name: 'amd64', node: 'x64' },
  { name: 'arm64', node: 'arm64' },
]
