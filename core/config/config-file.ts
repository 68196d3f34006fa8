import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { CodedError } from '../error/coded-error.ts'
import { type ConfigDocument, parseConfigDocument } from './config-document.ts'

/** Bytes: a hundred times what kubeadm writes, and a quarter of what a ConfigMap holds. */
const maxSize = 262_144

/** Codes of {@link ConfigFileError}: when it happens, and the fix. */
export const configFileErrorCodes = {
  CONFIG_UNREADABLE: {
    when: 'the file of --config is missing, unreadable, too large, or no text',
    fix: 'check the path, its permissions and what is in it, as the message says',
  },
} as const

/** There is no text in the file of --config. */
export class ConfigFileError extends CodedError<keyof typeof configFileErrorCodes> {
  constructor(message: string, fix: string, cause?: unknown) {
    super('CONFIG_UNREADABLE', message, fix, { cause })
  }
}

/** @throws {ConfigFileError} when the file holds no text; what is wrong with the text is in the document */
export async function readConfigFile(path: string): Promise<ConfigDocument> {
  return parseConfigDocument(await readConfigText(path), basename(path))
}

/** Changes with every write and every replacement, that of a link on the way among them, as kubelet replaces ConfigMaps. */
export async function configFileVersion(path: string): Promise<string> {
  const { dev, ino, mtimeNs, size } = await stat(path, { bigint: true })
  return `${dev} ${ino} ${mtimeNs} ${size}`
}

/** @throws {ConfigFileError} */
export async function readConfigText(path: string): Promise<string> {
  const bytes = await readBytes(path).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigFileError(
      `can't read ${path || "''"}: ${error.message.split(',')[0]}`,
      'check the path and its permissions',
      error,
    )
  })
  if (bytes.length > maxSize)
    throw new ConfigFileError(
      `${path} is larger than ${maxSize} bytes`,
      'name a file with a KubeProxyConfiguration',
    )
  const fix = 'name a text file in UTF-8, with a KubeProxyConfiguration in YAML or JSON'
  if (bytes.includes(0)) throw new ConfigFileError(`${path} is binary`, fix)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new ConfigFileError(`${path} is not in UTF-8`, fix, error)
  }
}

/** At most one byte more than allowed, whatever the path leads to. */
async function readBytes(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(maxSize + 1)
    let size = 0
    while (size < buffer.length) {
      const { bytesRead } = await file.read(buffer, size, buffer.length - size, null)
      if (bytesRead === 0) break
      size += bytesRead
    }
    return buffer.subarray(0, size)
  } finally {
    await file.close()
  }
}
