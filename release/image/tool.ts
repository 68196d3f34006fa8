import { ExecaError, execa } from 'execa'
import { ImageError } from './image-error.ts'

/** Runs a tool of the system to its end. @returns what it printed @throws ImageError IMAGE_TOOL */
export async function runTool(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  try {
    return (await execa(program, args, options)).stdout
  } catch (error) {
    throw toolError(program, error)
  }
}

export function toolError(program: string, cause: unknown): ImageError {
  const said = cause instanceof ExecaError ? String(cause.stderr || cause.shortMessage) : String(cause)
  return new ImageError('IMAGE_TOOL', `${program}: ${said.trim()}`, { cause })
}
